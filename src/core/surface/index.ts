/** What partners are shown. Hides the rendering of contracts as GraphQL. */
export { canonicalText, createSurface } from './create.ts';
export { scalarNames } from './scalars.ts';
export { renderSdl } from './sdl.ts';
export { type Shown, shown, visible } from './shown.ts';
export * from './surface.ts';
export { formatInstant, parseDateTime, parseDuration } from './temporal.ts';
