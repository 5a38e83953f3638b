export { ownerOf } from './ownership.ts';
export { shareTails } from './shared-source.ts';
export type { Siblings } from './siblings.ts';
export { createSiteSource, type SiteSource } from './site-source.ts';
export type { Carried } from './site-tail.ts';
