export { type CursorSection, cursorSection, decodeCursor, encodeCursor, splitCursor } from './cursor.ts';
export { createDelivery, type DeliveryLimits } from './engine.ts';
export { expiredAt, expiredFor } from './expired.ts';
export { Joint, type JointHooks } from './joint.ts';
export * from './ports.ts';
