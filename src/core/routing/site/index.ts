export { ownerOf } from './ownership.ts';
export { shareTails } from './shared-source.ts';
export { createSiteSource, type Siblings, type SiteSource } from './site-source.ts';
export type { Carried } from './site-tail.ts';
