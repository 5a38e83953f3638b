/** The paths of this door, `/v1/streams`, `/v1/streams/{product}` and `/v1/streams/{product}/events`, and texts that stand in several answers. */
import { streamPath } from '../../../core/surface/index.ts';

const ROOT = streamPath('');
/** The stream of several products. */
const ALL = ROOT.slice(0, -1);

/** The product that the path names, as it stands there; '' for several. */
export function productOf({ pathname }: URL): string {
  return pathname.slice(ROOT.length).split('/')[0] ?? '';
}

/** What is below the product: '' for the stream itself, 'events'; null where nothing stands. */
export function placeOf({ pathname }: URL): '' | 'events' | null {
  if (pathname === ALL) return '';
  const [product = '', below = '', ...more] = pathname.slice(ROOT.length).split('/');
  if (!pathname.startsWith(ROOT) || product === '' || more.length > 0 || pathname.endsWith('/')) return null;
  return below === '' || below === 'events' ? below : null;
}

/** ISO 8601. */
export function heartbeatText(ms: number): string {
  return `PT${ms / 1_000}S`;
}
