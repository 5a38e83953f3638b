/** What partners are shown. Hides the rendering of contracts as GraphQL. */
export * from './asyncapi/index.ts';
export * from './compatibility/index.ts';
export { canonicalText, createSurface } from './create.ts';
export { eventTypeOf, partitionSource, streamPath } from './events.ts';
export { sunsetOf } from './life-cycle.ts';
export { EVENTS_FIELD, renderSdl } from './sdl.ts';
export { visible } from './shown.ts';
export * from './surface.ts';
export { formatInstant, parseDateTime, parseDuration } from './temporal.ts';
