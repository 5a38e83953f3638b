export { type CursorSection, cursorSection, decodeCursor, encodeCursor } from './cursor.ts';
export { createDelivery, type DeliveryLimits } from './engine.ts';
export { expiredAt, expiredFor } from './expired.ts';
export * from './ports.ts';
