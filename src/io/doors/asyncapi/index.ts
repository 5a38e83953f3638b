export { createAsyncApiDoor } from './door.ts';
