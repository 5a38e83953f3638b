export { createRedisCoordination } from './coordination.ts';
