/** What changes from one contract to another of the same product, whole. Pure: contracts in, changes out. */
import type { Contract } from '../model.ts';
import { type Change, Changes } from './change.ts';
import { compareDocuments } from './documents.ts';
import { FieldComparison } from './fields.ts';
import { compareDeletes, compareDeprecation, compareOperations, compareReplay, compareStatus } from './terms.ts';
import { compareVersions } from './version.ts';

/**
 * Every change from `old` to `now`, none where they mean the same. They may be of different majors: then names are compared without
 * them, and whether a breaking change is allowed is the verdict's matter (verdict.ts). `texts`, the documents that they were read
 * from, add what a contract does not keep.
 */
export function compareContracts(
  old: Contract,
  now: Contract,
  texts?: { readonly old: string; readonly now: string },
): readonly Change[] {
  const changes = new Changes();
  compareNames(changes, old, now);
  compareStatus(changes, old, now);
  compareSource(changes, old, now);
  const publishes = old.operations.publish !== undefined && now.operations.publish !== undefined;
  new FieldComparison(changes, publishes).list(old.fields, now.fields, 'fields');
  compareAddress(changes, old, now);
  compareDeletes(changes, old, now);
  compareOperations(changes, old, now);
  compareReplay(changes, old, now);
  compareDeprecation(changes, old, now);
  compareWords(changes, old, now);
  if (texts !== undefined) compareDocuments(changes, texts.old, texts.now);
  compareVersions(changes, old, now);
  return changes.all;
}

/** The type of the data without its major. */
function baseTypeOf({ typeName, major }: Contract): string {
  return major > 1 && typeName.endsWith(`V${major}`) ? typeName.slice(0, -`V${major}`.length) : typeName;
}

/** Everything that partners have in their programs as a name. */
function compareNames(changes: Changes, old: Contract, now: Contract): void {
  const publishes = old.operations.publish !== undefined;
  const both = (rule: string, path: string, what: string, readers: string, publishers: string): void => {
    changes.readers(rule, path, what, readers);
    if (publishes) changes.publishers(rule, path, what, publishers);
  };
  if (old.name !== now.name) {
    const what = `the name changes from "${old.name}" to "${now.name}"`;
    both(
      'name',
      'name',
      what,
      'readers find no such field, stream or grant any more',
      'there is nothing to publish to',
    );
  }
  const [before, after] = [baseTypeOf(old), baseTypeOf(now)];
  if (before !== after) {
    const what = `the type of the data changes from "${before}" to "${after}"`;
    const readers = 'the GraphQL types, the CloudEvents type and generated models have other names';
    both(
      'type-name',
      'schema.name',
      what,
      readers,
      'the mutation, its input type and the CloudEvents type have other names',
    );
  }
  const [owner, newOwner] = [old.tenant ?? old.domain, now.tenant ?? now.domain];
  if (owner !== newOwner) {
    const path = old.tenant !== now.tenant ? 'tenant' : 'domain';
    const what = `the ${path} changes, and with it the CloudEvents type, which begins with "${newOwner ?? now.name}" instead of "${owner ?? old.name}"`;
    both(
      'event-type',
      path,
      what,
      'readers that route events by type do not know them any more',
      'events of the old type are refused',
    );
  } else {
    changes.said('domain', 'domain', 'the domain', old.domain, now.domain);
    changes.said('tenant', 'tenant', 'the tenant', old.tenant, now.tenant);
  }
}

function compareSource(changes: Changes, { source: old, ...before }: Contract, { source: now }: Contract): void {
  if (old === null && now !== null)
    changes.compatible('served', 'source', 'the product is served now', 'it was only catalogued before');
  if (old === null || now === null) {
    if (old === null) return;
    const what = 'the product is only catalogued now';
    changes.readers('served', 'source', what, 'its streams and history are not there any more');
    if (before.operations.publish !== undefined)
      changes.publishers('served', 'source', what, 'there is nothing to publish to');
    return;
  }
  if (old.cluster !== now.cluster || old.topic !== now.topic) {
    const why =
      'where events are kept is internal; live subscriptions are told SOURCE_RESET, since cursors belong to a Kafka topic';
    changes.compatible('source', 'source', 'the events are read from another Kafka topic', why);
  }
  if (old.format !== now.format || old.envelope !== now.envelope)
    changes.compatible('source', 'source', 'the records have another form', 'the form of records is internal');
}

function compareAddress(changes: Changes, old: Contract, now: Contract): void {
  if (old.templateText !== now.templateText) {
    const what = `the topic template changes from "${old.templateText}" to "${now.templateText}"`;
    changes.readers(
      'topic-template',
      'topicTemplate',
      what,
      'topic filters match other events, or none, without a word',
    );
  }
  const [before, after] = [old.messageKey.join(', '), now.messageKey.join(', ')];
  if (before === after) return;
  const what = `the message key changes from ${before === '' ? 'none' : before} to ${after === '' ? 'none' : after}`;
  if (before === '') changes.compatible('message-key', 'messageKey', what, 'the key, null so far, is shown');
  else
    changes.readers(
      'message-key',
      'messageKey',
      what,
      'readers that tell things apart, order or compact by the key meet another one',
    );
}

function compareWords(changes: Changes, old: Contract, now: Contract): void {
  changes.said('title', 'title', 'the title', old.title, now.title);
  changes.said('description', 'description', 'the description', old.description, now.description);
  changes.said('tags', 'tags', 'the tags', old.tags, now.tags);
  changes.said('owner', 'team', 'the owner', old.owner, now.owner);
  changes.said('support', 'support', 'the support', old.support, now.support);
  changes.said('definition', 'authoritativeDefinitions', 'the definition', old.definition, now.definition);
  changes.said('sla', 'slaProperties', 'the service levels', old.sla, now.sla);
}
