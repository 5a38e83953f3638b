export { createStreamDoor } from './door.ts';
