/** Rules on the terms of use: operations and their roles, replay, deletes, deprecation. */
import type { Placed, Report } from '../findings.ts';
import type { Contract, OperationKind } from '../model.ts';
import { suggestion } from '../nearest.ts';
import { onlyMembers } from './custom.ts';

const kinds: readonly OperationKind[] = ['subscribe', 'query', 'publish'];
const starts = ['latest', 'earliest', 'time', 'cursor'] as const;

export type Terms = Pick<Contract, 'operations' | 'replay' | 'deletes' | 'deprecation'>;

export function readTerms(
  root: Placed,
  custom: ReadonlyMap<string, Placed>,
  roles: readonly string[],
  served: boolean,
  report: Report,
): Terms {
  const operations = custom.get('operations');
  if (operations === undefined && served) {
    report.warning(
      'operations',
      root.at('customProperties'),
      'no operation is offered',
      'add {property: operations, value: [{kind: subscribe, roles: [...]}]}',
    );
  }
  return {
    operations: operations === undefined ? {} : readOperations(operations, roles, report),
    replay: readReplay(custom.get('replay'), report),
    deletes: readDeletes(custom.get('deletes'), report),
    deprecation: readDeprecation(root, custom.get('deprecation'), report),
  };
}

function readOperations(place: Placed, roles: readonly string[], report: Report): Contract['operations'] {
  const operations: Partial<Record<OperationKind, { readonly roles: readonly string[] }>> = {};
  if (!Array.isArray(place.value))
    report.error('operations', place, 'the operations are not a list', '[{kind: subscribe, roles: [reader]}]');
  for (const entry of place.list) {
    const kindPlace = entry.at('kind');
    const kind = kinds.find((known) => known === kindPlace.text);
    onlyMembers(entry, 'operations', ['kind', 'roles'], report);
    if (kind === undefined) {
      const given = kindPlace.text;
      report.error(
        'operations',
        kindPlace,
        given === null ? 'the operation has no kind' : `"${given}" is no operation`,
        given === null ? `one of ${kinds.join(', ')}` : suggestion(given, kinds),
      );
      continue;
    }
    if (operations[kind] !== undefined)
      report.error('operations', kindPlace, `"${kind}" stands here twice`, 'keep one');
    operations[kind] = { roles: readRoles(entry.at('roles'), roles, 'operations', report) };
  }
  return operations;
}

/** A list of roles that the document defines under `roles`. */
export function readRoles(place: Placed, known: readonly string[], rule: string, report: Report): readonly string[] {
  if (!place.present) return [];
  if (!Array.isArray(place.value)) report.error(rule, place, 'the roles are not a list', '[reader]');
  for (const item of place.list) {
    if (item.text === null) report.error(rule, item, 'the role is not text');
    else if (!known.includes(item.text)) {
      report.error(
        'unknown-role',
        item,
        `the role "${item.text}" is not defined`,
        known.length === 0 ? 'define it under "roles"' : suggestion(item.text, known),
      );
    }
  }
  return place.texts;
}

function readReplay(place: Placed | undefined, report: Report): Contract['replay'] {
  if (place === undefined) return { maxDepthMs: null, from: starts };
  onlyMembers(place, 'replay', ['maxDepth', 'from'], report);
  const depth = place.at('maxDepth');
  let maxDepthMs: number | null = null;
  if (depth.present) {
    maxDepthMs = depth.text === null ? null : durationMs(depth.text);
    if (maxDepthMs === null)
      report.error(
        'replay',
        depth,
        'the replay depth is not a duration',
        'weeks, days, hours, minutes, seconds, such as P7D or PT12H',
      );
  }
  const from = place.at('from');
  if (from.present && (!Array.isArray(from.value) || from.list.length === 0)) {
    report.error('replay', from, 'the starts of a replay are not a list', `some of ${starts.join(', ')}`);
  }
  for (const item of from.list) {
    if (!starts.some((known) => known === item.text)) {
      report.error(
        'replay',
        item,
        `${JSON.stringify(item.value) ?? 'nothing'} is no start of a replay`,
        suggestion(String(item.value), starts),
      );
    }
  }
  const allowed = starts.filter((start) => from.texts.includes(start));
  return { maxDepthMs, from: from.present ? allowed : starts };
}

/** ISO 8601 without years and months, whose lengths vary; null: none, or not more than zero. */
export function durationMs(text: string): number | null {
  const match =
    /^P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9}(?:\.\d{1,3})?)S)?)?$/.exec(
      text,
    );
  if (match === null) return null;
  const [weeks, days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const ms = (((weeks * 7 + days) * 24 + hours) * 60 + minutes) * 60_000 + Math.round(seconds * 1000);
  return ms > 0 ? ms : null;
}

function readDeletes(place: Placed | undefined, report: Report): boolean {
  if (place === undefined) return false;
  if (typeof place.value !== 'boolean')
    report.error(
      'deletes',
      place,
      'this is neither true nor false',
      'true: tombstones become DELETE events; false: they are rejected',
    );
  return place.truth;
}

function readDeprecation(root: Placed, place: Placed | undefined, report: Report): Contract['deprecation'] {
  if (place === undefined) {
    if (root.at('status').text === 'deprecated') {
      report.warning(
        'deprecation',
        root.at('status'),
        'the product is deprecated without a notice',
        'add {property: deprecation, value: {noticePeriod: P90D, successor: ...}}',
      );
    }
    return null;
  }
  onlyMembers(place, 'deprecation', ['noticePeriod', 'successor'], report);
  const notice = place.at('noticePeriod');
  const successor = place.at('successor');
  if (notice.present && (notice.text === null || durationMs(notice.text) === null)) {
    report.error('deprecation', notice, 'the notice period is not a duration', 'such as P90D');
  }
  if (successor.present && successor.text === null)
    report.error('deprecation', successor, 'the successor is not text', 'the name of a product, such as flights-v2');
  return { noticePeriod: notice.text, successor: successor.text };
}
