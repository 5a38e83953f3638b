/** From the text of a record to its public data, as the event's way goes, and what a record that breaks its contract says. */
import { type Contract, compileContract, PayloadError } from '../../src/core/contract/index.ts';
import { jsonCodec } from '../../src/io/codec/json.ts';
import type { Document } from './documents.ts';

export async function reader(contract: Contract): Promise<(record: string | Buffer) => Document> {
  const codec = await jsonCodec.prepare(contract);
  const compiled = compileContract(contract);
  return (record) => compiled.project(codec.decode(typeof record === 'string' ? Buffer.from(record) : record));
}

export function failure(run: () => unknown): { readonly path: string; readonly reason: string } {
  try {
    const value = run();
    return { path: 'none', reason: `accepted ${JSON.stringify(value)}` };
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    return { path: error.path, reason: error.reason };
  }
}
