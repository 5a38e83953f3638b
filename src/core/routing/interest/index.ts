export type { Covering } from './covering.ts';
export { Interest } from './interest.ts';
export { Wanted } from './wanted.ts';
