export { createStreamDoor, type StreamDoor, type StreamDoorLimits, type StreamDoorOptions } from './door.ts';
