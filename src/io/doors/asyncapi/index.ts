export { type AsyncApiDoor, type AsyncApiDoorOptions, createAsyncApiDoor } from './door.ts';
