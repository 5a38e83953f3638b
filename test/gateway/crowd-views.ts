/** What a subscriber of the crowd may ask for, in GraphQL and as a plain function over readings. */
import type { Reading } from './crowd-feed.ts';

export const policies = ['CATCH_UP', 'CONFLATE', 'DROP', 'END'] as const;
export type Policy = (typeof policies)[number];

export interface CrowdView {
  readonly name: string;
  readonly isBatch: boolean;
  /** Arguments beside `from` and `onLag`. */
  readonly args: string;
  readonly selection: string;
  /** Cursors come with the events themselves. */
  readonly hasCursor: boolean;
  readonly matches: (reading: Reading) => boolean;
}

const one = (name: string, args: string, selection: string, matches: (reading: Reading) => boolean): CrowdView => ({
  name,
  isBatch: false,
  args,
  selection,
  hasCursor: selection.includes('cursor'),
  matches,
});
const batch = (...[name, args, selection, matches]: Parameters<typeof one>): CrowdView => ({
  ...one(name, args, selection, matches),
  isBatch: true,
});

const every = (): boolean => true;
const inLa = ({ region }: Reading): boolean => region.startsWith('LA');

/** These carry the padding: a socket that is not read is full after a burst or two. */
export const heavyViews: readonly CrowdView[] = [
  one('all', '', 'cursor data { seq pad }', every),
  one('all, every field', 'topic: ">"', 'cursor topic time op key data { seq id region kind value pad }', every),
  one('LA, padded', 'topic: "crowd/LA*/>"', 'cursor data { seq pad }', inLa),
  one('all, no cursor', '', 'data { pad seq }', every),
  batch('batches, padded', 'maxEvents: 7, maxDelay: "PT0.3S"', 'cursor events { data { seq pad } }', every),
];

export const lightViews: readonly CrowdView[] = [
  one('>', 'topic: ">"', 'cursor data { seq }', every),
  one('LA*', 'topic: "crowd/LA*/>"', 'cursor topic data { seq region }', inLa),
  one('late, an escaped level', 'topic: "crowd/*/la%2Fte"', 'data { seq kind } cursor', ({ kind }) => kind === 'la/te'),
  one('no cursor', '', 'data { seq value }', every),
  one('LAX', 'where: {region: {eq: "LAX"}}', 'cursor data { seq region }', ({ region }) => region === 'LAX'),
  one(
    'LAX and late, no cursor',
    'where: {region: {eq: "LAX"}, kind: {eq: "la/te"}}',
    'op data { seq }',
    ({ region, kind }) => region === 'LAX' && kind === 'la/te',
  ),
  one('high', 'where: {value: {gte: 500}}', 'cursor time data { seq value }', ({ value }) => value >= 500),
  one(
    'or, not',
    'where: {or: [{value: {lt: 100}}, {not: {kind: {eq: "on time"}}}]}',
    'cursor data { seq }',
    ({ value, kind }) => value < 100 || kind !== 'on time',
  ),
  one(
    'in',
    'where: {region: {in: ["LAX", "SFO"]}, value: {ne: 3}}',
    'cursor data { seq }',
    ({ region, value }) => (region === 'LAX' || region === 'SFO') && value !== 3,
  ),
  one(
    'LA and high',
    'topic: "crowd/LA*/>", where: {value: {gt: 300}}',
    'cursor data { seq value }',
    (reading) => inLa(reading) && reading.value > 300,
  ),
  batch('batches', 'maxEvents: 20, maxDelay: "PT0.2S"', 'cursor events { data { seq } }', every),
  batch(
    'batches of LAX',
    'maxEvents: 50, maxDelay: "PT1S", where: {region: {eq: "LAX"}}',
    'events { cursor data { seq } }',
    ({ region }) => region === 'LAX',
  ),
];

export function queryOf(view: CrowdView, policy: Policy, product = 'crowd'): string {
  const args = [view.args, 'from: $from', `onLag: ${policy}`].filter((part) => part !== '').join(', ');
  return `subscription ($from: ReplayFrom) { ${product}${view.isBatch ? 'Batch' : ''}(${args}) { ${view.selection} } }`;
}
