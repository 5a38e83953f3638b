/** Seeded random changes of contracts: one step at any depth, of any kind. */
import { type Contract, type Field, type FieldType, sealContract } from '../../src/core/contract/index.ts';
import { field } from '../surface/contracts.ts';
import type { Random } from '../view/random.ts';

type Open<T> = { -readonly [K in keyof T]: T[K] };
type Fields = Open<Field>[];

/** The same contract as it would have been read: nothing of it narrowed. */
export function asRead(contract: Contract): Contract {
  const copy = structuredClone(contract) as Open<Contract>;
  everyList(copy.fields, (fields) => {
    for (const one of fields) one.mask = null;
  });
  copy.restriction = { topics: null, rows: null, replayMs: null, salt: null };
  return sealed(copy);
}

/** As somebody without any role is shown it. */
export function masked(contract: Contract): Contract {
  const copy = structuredClone(contract) as Open<Contract>;
  everyList(copy.fields, (fields) => {
    for (const one of fields) one.mask = one.privacy?.masking ?? null;
  });
  return sealed(copy);
}

/** One to three random steps away from the contract; now and then they undo each other. */
export function randomChange(random: Random, contract: Contract): Contract {
  const copy = structuredClone(contract) as Open<Contract>;
  for (let steps = 1 + random.below(3); steps > 0; steps--)
    random.pick(random.chance(0.8) ? fieldSteps : termSteps)(copy, random);
  return sealed(copy);
}

function sealed({ digest: _digest, projection: _projection, ...parts }: Contract): Contract {
  return sealContract(parts);
}

function everyList(fields: readonly Field[], visit: (fields: Fields) => void): void {
  visit(fields as Fields);
  for (const { type } of fields) within(type, visit);
}

function within(type: FieldType, visit: (fields: Fields) => void): void {
  if (type.kind === 'object') everyList(type.fields, visit);
  if (type.kind === 'array') within(type.items, visit);
  if (type.kind === 'map') within(type.values, visit);
}

type Step = (contract: Open<Contract>, random: Random) => void;

/** On a list of fields at any depth. `id` is key and topic: it stays. */
function onList(step: (fields: Fields, random: Random) => void): Step {
  return (contract, random) => {
    const lists: Fields[] = [];
    everyList(contract.fields, (fields) => lists.push(fields));
    step(random.pick(lists), random);
  };
}

function onField(step: (one: Open<Field>, random: Random) => void): Step {
  return onList((fields, random) => {
    const others = fields.filter(({ name }) => name !== 'id');
    if (others.length > 0) step(random.pick(others), random);
  });
}

let names = 0;
const fresh = (): string => `fresh${names++}`;
const kinds = ['string', 'int', 'long', 'number', 'boolean', 'date', 'timestamp'] as const;

const fieldSteps: readonly Step[] = [
  onList((fields) => void fields.push(field(fresh(), 'string'))),
  onList((fields, random) => void fields.push(field(fresh(), random.pick(kinds), { required: true }))),
  onList(
    (fields) => void fields.unshift(field(fresh(), { kind: 'array', items: { kind: 'int' }, itemsRequired: true })),
  ),
  (contract) =>
    void (contract.fields as Fields).push(field(fresh(), 'boolean', { required: true, path: [], derivation: 'true' })),
  onList((fields, random) => {
    const at = fields.findIndex(({ name }) => name !== 'id');
    if (fields.length > 1 && at >= 0)
      fields.splice(random.chance(0.5) ? at : fields.length - 1, fields.at(-1)?.name === 'id' ? 0 : 1);
  }),
  onList((fields) => void fields.reverse()),
  onField((one) => {
    one.name = fresh();
  }),
  onField((one, random) => {
    one.type = { kind: random.pick(kinds) };
    one.privacy = null;
  }),
  onField((one) => {
    one.required = !one.required;
    if (one.privacy?.masking === 'null') one.privacy = null;
  }),
  onField((one) => {
    if (one.type.kind === 'array') one.type = { ...one.type, itemsRequired: !one.type.itemsRequired };
    if (one.type.kind === 'map') one.type = { ...one.type, valuesRequired: !one.type.valuesRequired };
  }),
  onField((one, random) => {
    if (one.type.kind === 'int') one.type = { kind: 'int', width: random.pick(['i8', 'i16', 'u8', 'u16'] as const) };
  }),
  onField((one, random) => {
    const masking = one.required ? 'redact' : random.pick(['hash', 'redact', 'null'] as const);
    if (one.type.kind === 'string') one.privacy = random.chance(0.4) ? null : { masking, visibleTo: [] };
  }),
  onField((one) => {
    one.deprecated = one.deprecated === null ? 'gone' : null;
  }),
  onField((one) => {
    one.description = `said ${fresh()}`;
  }),
  onField((one) => {
    if (one.derivation === null) one.path = [fresh()];
  }),
  onField((one) => {
    one.values = [...one.values, { value: fresh(), label: null, description: null }];
  }),
];

const termSteps: readonly Step[] = [
  (contract, random) => {
    contract.operations = random.pick([
      { subscribe: { roles: [] }, query: { roles: [] } },
      { subscribe: { roles: [] }, publish: { roles: ['writer'] } },
      { subscribe: { roles: ['reader'] }, query: { roles: [] }, publish: { roles: [] } },
    ]);
  },
  (contract, random) => {
    contract.replay = { ...contract.replay, maxDepthMs: random.pick([null, 1000, 2000]) };
  },
  (contract) => {
    contract.deletes = !contract.deletes;
  },
  (contract) => {
    contract.messageKey = contract.messageKey.length === 0 ? ['id'] : [];
  },
  (contract, random) => {
    contract.tags = [random.pick(['a', 'b'])];
    contract.status = random.pick(['active', 'deprecated']);
  },
];
