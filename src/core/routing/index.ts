export { incarnationDigest } from './digest.ts';
export { createLocalSource, type LocalSource, type Reader, type Served } from './local.ts';
export { type Look, lookBack } from './look-back.ts';
export { type MergedEvent, mergeByTime } from './merge.ts';
export { resolvePosition } from './position.ts';
export * from './source.ts';
