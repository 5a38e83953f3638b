import { subscribeThrough } from './client.js';
import { openSocket } from './socket-node.js';

export { defaultUrl, type Subscribe, type SubscribeOptions } from './client.js';
export { type CursorStore, memoryCursorStore } from './cursor-store.js';
export * from './errors.js';
export { fileCursorStore } from './file-store.js';
export * from './models.js';
export {
  ConnectionError,
  type EventStream,
  type Gap,
  type Lost,
  type Notice,
  type Projected,
  type Ready,
} from './stream.js';

export const subscribe = subscribeThrough(openSocket);
