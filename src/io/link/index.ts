export { createPipeChannel } from './pipe.ts';
