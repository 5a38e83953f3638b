/** Documents as others read them: AsyncAPI's own parser, and ajv on their schemas. */
import { Parser } from '@asyncapi/parser';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';

export type Json = Readonly<Record<string, unknown>>;

/**
 * Rules that are turned off, by name. asyncapi-latest-version: documents are of 3.0.0, since the generators of models and of clients do not
 * read 3.1.0 yet.
 */
const OFF: readonly string[] = ['asyncapi-latest-version'];

const parser = new Parser();

/** What the parser has to say, of any severity; empty where the document is good. */
export async function diagnosticsOf(text: string): Promise<readonly string[]> {
  const { document, diagnostics } = await parser.parse(text);
  const found = diagnostics
    .filter(({ code }) => !OFF.includes(String(code)))
    .map(({ code, message, path }) => `${code} at ${path.join('.')}: ${message}`);
  return document === undefined && found.length === 0 ? ['no document'] : found;
}

export function record(value: unknown): Json {
  if (typeof value !== 'object' || value === null) throw new Error(`no object: ${JSON.stringify(value)}`);
  return value as Json;
}

export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((held, name) => record(held)[name], value);
}

/** Validators of payloads, by the message's name. */
export function validatorsOf(document: Json): (message: string) => ValidateFunction {
  const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true });
  formats.default(ajv);
  ajv.addFormat('decimal', true);
  for (const word of ['x-sluice-classification', 'x-sluice-masking', 'x-sluice-values']) ajv.addKeyword(word);
  // Names of schemas are their $id: a reference within the document is one to another schema by name.
  for (const schema of Object.values(record(at(document, 'components', 'schemas')))) ajv.addSchema(relinked(schema));
  return (message) => {
    const payload = at(document, 'components', 'messages', message, 'payload');
    return ajv.getSchema(String(record(payload)['$ref']).split('/').at(-1) as string) as ValidateFunction;
  };
}

function relinked(schema: unknown): Json {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/schemas/', '"')) as Json;
}

/** Examples of a document's messages, with the message that each is of. */
export function examplesOf(document: Json): readonly { readonly message: string; readonly payload: unknown }[] {
  return Object.entries(record(at(document, 'components', 'messages'))).flatMap(([message, found]) =>
    (record(found)['examples'] as readonly Json[]).map((example) => ({ message, payload: example['payload'] })),
  );
}
