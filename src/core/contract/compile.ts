/** The behaviour that follows from a contract, compiled once: what its records mean, where their events are addressed. */
import type { LogRecord } from '../log/index.ts';
import { PayloadError } from './codec.ts';
import { RecordEvent } from './event.ts';
import { compileLayout } from './layout.ts';
import type { Contract, Field, FieldType, PublicData, PublicEvent, ScalarType } from './model.ts';
import { compileIntake, compileProjection } from './project.ts';
import { canonicalScalar } from './scalars.ts';
import { encodeLevel } from './topic.ts';

export interface CompiledContract {
  readonly contract: Contract;
  /** A decoded record's public data. Throws PayloadError naming the public path, never content. */
  project(decoded: unknown): PublicData;
  /** What a publisher gives, by public names (maps as {key, value} lists or objects), as the public data that a reader will make of it: derived fields included. Throws PayloadError. */
  accept(input: unknown): PublicData;
  /** The event of a record with data. */
  address(partition: number, record: LogRecord, data: PublicData): PublicEvent;
  /** The event of a tombstone. Throws PayloadError where the contract has no deletes, or the record's key is not the message key. */
  tombstone(partition: number, record: LogRecord): PublicEvent;
  /** Text of the one message-key field, JSON array of the texts of several, null where the contract maps none. */
  keyOf(data: PublicData): string | null;
}

export function compileContract(contract: Contract): CompiledContract {
  const project = compileProjection(contract);
  const topicOf = compileTopic(contract);
  const keyOf = compileKey(contract);
  const tombstone = compileTombstone(contract);
  // Few products are published to: what that takes is compiled with the first publish.
  let publishing: { intake: (input: unknown) => PublicData; layout: (data: PublicData) => unknown } | null = null;
  return {
    contract,
    project,
    accept(input) {
      publishing ??= { intake: compileIntake(contract), layout: compileLayout(contract) };
      return project(publishing.layout(publishing.intake(input)));
    },
    address: (partition, record, data) =>
      new RecordEvent(partition, record, 'UPSERT', topicOf(data), 0, keyOf(data), data, null),
    tombstone,
    keyOf,
  };
}

/** The value at a path of public data; undefined where it or anything above it is not there. */
function valueAt(data: PublicData, path: readonly string[]): unknown {
  let value: unknown = data;
  for (const name of path) {
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function compileTopic(contract: Contract): (data: PublicData) => string {
  if (contract.template.length === 0) return () => '';
  const levels = contract.template.map((level) => {
    if ('literal' in level) return JSON.stringify(level.literal);
    const text = textOf(contract, level.field);
    // What the other kinds are written with, digits, signs, letters, `.` and `:`, is no grammar of topics.
    return scalarAt(contract.fields, level.field).kind === 'string' ? `encodeLevel(${text})` : text;
  });
  const make = new Function('encodeLevel', `'use strict'; return (data) => ${levels.join(" + '/' + ")};`) as (
    encode: typeof encodeLevel,
  ) => (data: PublicData) => string;
  return make(encodeLevel);
}

function compileKey(contract: Contract): (data: PublicData) => string | null {
  if (contract.messageKey.length === 0) return () => null;
  const texts = contract.messageKey.map((name) => textOf(contract, name.split('.')));
  const key = texts.length === 1 ? texts[0] : `JSON.stringify([${texts.join(', ')}])`;
  return new Function(`'use strict'; return (data) => ${key};`)() as (data: PublicData) => string;
}

/** An expression for the canonical text of a scalar of checked public data, which addresses have only of required ones; for generated functions. */
function textOf(contract: Contract, path: readonly string[]): string {
  const access = `data${path.map((name) => `[${JSON.stringify(name)}]`).join('')}`;
  const { kind } = scalarAt(contract.fields, path);
  return kind === 'int' || kind === 'number' || kind === 'boolean' ? `String(${access})` : access;
}

function scalarAt(fields: readonly Field[], path: readonly string[]): ScalarType {
  const field = fields.find((candidate) => candidate.name === path[0]);
  if (field === undefined) throw new Error(`There is no field ${path.join('.')}.`);
  if (path.length === 1) return field.type as ScalarType;
  return scalarAt((field.type as Extract<FieldType, { kind: 'object' }>).fields, path.slice(1));
}

function compileTombstone(contract: Contract): CompiledContract['tombstone'] {
  const key = contract.messageKey.map((name) => ({
    path: name.split('.'),
    type: scalarAt(contract.fields, name.split('.')),
  }));
  const unknownLevels = contract.template.reduce((mask, level, index) => {
    const known = 'literal' in level || key.some(({ path }) => path.join('.') === level.field.join('.'));
    return known ? mask : mask | (1 << index);
  }, 0);
  return (partition, record) => {
    if (!contract.deletes) throw new PayloadError('', 'a tombstone, and the contract has no deletes');
    const texts = readKey(record.key, key.length);
    const keyData: Record<string, unknown> = {};
    key.forEach(({ path, type }, index) => {
      plant(keyData, path, keyValue(type, texts[index] as string, path.join('.')));
    });
    const levels = contract.template.map((level, index) => {
      if ('literal' in level) return level.literal;
      return (unknownLevels & (1 << index)) === 0 ? encodeLevel(String(valueAt(keyData, level.field))) : '*';
    });
    const canonical = key.map(({ path }) => String(valueAt(keyData, path)));
    const text = canonical.length === 1 ? (canonical[0] as string) : JSON.stringify(canonical);
    return new RecordEvent(partition, record, 'DELETE', levels.join('/'), unknownLevels, text, null, keyData);
  };
}

/** The texts of the fields from the bytes of a key, as keyOf writes them; an array may have numbers and booleans too. */
function readKey(key: Buffer | null, count: number): readonly string[] {
  if (key === null) throw new PayloadError('', 'a tombstone without a key');
  const text = key.toString('utf8');
  if (count === 1) return [text];
  let parts: unknown;
  try {
    // Numbers keep their digits: what is needed is their text.
    parts = JSON.parse(text, function (this: unknown, _key, value: unknown, context?: { source?: string }) {
      return Array.isArray(this) && typeof value === 'number' ? (context?.source ?? String(value)) : value;
    } as (this: unknown, key: string, value: unknown) => unknown);
  } catch {
    parts = null;
  }
  if (!Array.isArray(parts) || parts.length !== count)
    throw new PayloadError('', 'the key of a tombstone is not the message key');
  return parts.map((part: unknown) => (typeof part === 'object' ? '' : String(part)));
}

function keyValue(type: ScalarType, text: string, path: string): unknown {
  const { unit: _unit, ...plain } = type;
  const value =
    plain.kind === 'int'
      ? /^-?\d+$/.test(text)
        ? Number(text)
        : null
      : plain.kind === 'boolean'
        ? { true: true, false: false }[text]
        : text;
  try {
    return canonicalScalar(plain, value);
  } catch {
    throw new PayloadError(path, 'the key of a tombstone is not the message key');
  }
}

function plant(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) target[name] = value;
  else {
    target[name] ??= {};
    plant(target[name] as Record<string, unknown>, rest, value);
  }
}
