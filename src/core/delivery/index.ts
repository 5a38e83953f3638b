export { type CursorSection, cursorSection, decodeCursor, encodeCursor } from './cursor.ts';
export { createDelivery, type DeliveryLimits } from './engine.ts';
export * from './ports.ts';
