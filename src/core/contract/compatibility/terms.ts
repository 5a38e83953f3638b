/** How the terms of use change: operations and their roles, replay, deletes, deprecation, life-cycle. */
import type { Contract, OperationKind } from '../model.ts';
import type { Changes } from './change.ts';

const kinds: readonly OperationKind[] = ['subscribe', 'query', 'publish'];

export function compareOperations(changes: Changes, old: Contract, now: Contract): void {
  for (const kind of kinds) {
    const [before, after] = [old.operations[kind], now.operations[kind]];
    const path = `operations.${kind}`;
    const breaks = (rule: string, what: string, why: string): void =>
      kind === 'publish' ? changes.publishers(rule, path, what, why) : changes.readers(rule, path, what, why);
    if (before === undefined && after !== undefined)
      changes.compatible('operation-added', path, `the operation ${kind} is offered`, 'nobody needs to use it');
    else if (before !== undefined && after === undefined)
      breaks('operation-removed', `the operation ${kind} is no longer offered`, 'whoever uses it is refused');
    else if (before !== undefined && after !== undefined)
      compareRoles(changes, breaks, path, before.roles, after.roles);
  }
}

/** An operation without roles is everybody's. */
function compareRoles(
  changes: Changes,
  breaks: (rule: string, what: string, why: string) => void,
  path: string,
  old: readonly string[],
  now: readonly string[],
): void {
  if (now.length === 0) {
    if (old.length > 0) changes.compatible('roles', path, 'no role is needed any more', 'whoever had one goes on');
    return;
  }
  if (old.length === 0) {
    breaks('roles', `a role is needed now: ${now.join(' or ')}`, 'grants with other roles are refused');
    return;
  }
  const went = old.filter((role) => !now.includes(role));
  const came = now.filter((role) => !old.includes(role));
  if (went.length > 0)
    breaks('roles', `the role ${went.join(', ')} no longer suffices`, 'grants with that role alone are refused');
  if (came.length > 0)
    changes.compatible('roles', path, `the role ${came.join(', ')} suffices too`, 'more grants may use it');
}

export function compareReplay(changes: Changes, { replay: old }: Contract, { replay: now }: Contract): void {
  const [before, after] = [old.maxDepthMs ?? Number.POSITIVE_INFINITY, now.maxDepthMs ?? Number.POSITIVE_INFINITY];
  const depth = `the replay depth goes from ${depthText(old.maxDepthMs)} to ${depthText(now.maxDepthMs)}`;
  if (after < before) {
    const why = 'cursors and times that were good are refused with REPLAY_LIMIT';
    changes.readers('replay-depth', 'replay.maxDepth', depth, why);
  } else if (after > before)
    changes.compatible('replay-depth', 'replay.maxDepth', depth, 'whatever could be read still can');
  for (const start of old.from.filter((one) => !now.from.includes(one)))
    changes.readers('replay-from', 'replay.from', `"${start}" is no start any more`, 'whoever begins there is refused');
  for (const start of now.from.filter((one) => !old.from.includes(one)))
    changes.compatible('replay-from', 'replay.from', `"${start}" is a start too`, 'nobody needs to use it');
}

function depthText(ms: number | null): string {
  if (ms === null) return 'all that is held';
  const days = ms / 86_400_000;
  if (Number.isInteger(days)) return `${days} ${days === 1 ? 'day' : 'days'}`;
  const hours = ms / 3_600_000;
  return Number.isInteger(hours) ? `${hours} ${hours === 1 ? 'hour' : 'hours'}` : `${ms / 1000} s`;
}

export function compareDeletes(changes: Changes, old: Contract, now: Contract): void {
  if (!old.deletes && now.deletes)
    changes.readers(
      'deletes',
      'deletes',
      'tombstones become DELETE events',
      'readers were promised that data is never null',
    );
  if (!old.deletes || now.deletes) return;
  const what = 'there are no DELETE events any more';
  changes.readers('deletes', 'deletes', what, 'readers that keep a copy are no longer told what was deleted');
  changes.publishers('deletes', 'deletes', what, 'tombstones break the contract and are set aside');
}

export function compareDeprecation(
  changes: Changes,
  { deprecation: old }: Contract,
  { deprecation: now }: Contract,
): void {
  changes.said('deprecation', 'deprecation', 'the notice period', old?.noticePeriod ?? null, now?.noticePeriod ?? null);
  changes.said('deprecation', 'deprecation', 'the successor', old?.successor ?? null, now?.successor ?? null);
}

/** Whether partners are served: what is proposed or a draft promises nothing yet, what is retired nothing any more. */
export function isPromised({ status }: Contract): boolean {
  return status === 'active' || status === 'deprecated';
}

/** proposed -> draft -> active -> deprecated -> retired; what partners are served ends after it has been deprecated and by being retired. */
export function compareStatus(changes: Changes, old: Contract, now: Contract): void {
  if (old.status === now.status) return;
  const what = `the status goes from ${old.status} to ${now.status}`;
  if (!isPromised(old)) {
    if (isPromised(now)) changes.compatible('status', 'status', what, 'the product is served from now on');
    else changes.documentation('status', 'status', what, 'the product is not served, before and after');
  } else if (now.status === 'proposed' || now.status === 'draft') {
    const why =
      'it is no longer served: what was promised is deprecated, then retired, and does not become a draft again';
    changes.readers('status', 'status', what, why);
  } else if (now.status === 'deprecated') {
    const why = 'readers are told: marks in both documents, DEPRECATED notices, Deprecation headers';
    changes.documentation('status', 'status', what, why);
  } else if (now.status === 'active')
    changes.documentation('status', 'status', what, 'the notice is taken back: the marks go');
  else if (old.status === 'active')
    changes.readers('status', 'status', what, 'it ends without having been deprecated: readers have had no notice');
  else changes.documentation('status', 'status', what, 'it is no longer served, as its deprecation has told readers');
}
