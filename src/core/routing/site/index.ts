export { ownerOf } from './ownership.ts';
export { shareTails } from './shared-source.ts';
export { createSiteSource, type Siblings } from './site-source.ts';
