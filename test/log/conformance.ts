import { afterAll, beforeAll, describe } from 'vitest';

import { appending } from './conformance/appending.ts';
import { Bench, type LogUnderTest } from './conformance/bench.ts';
import { describing } from './conformance/describing.ts';
import { extents } from './conformance/extents.ts';
import { appendingOnce } from './conformance/once.ts';
import { ranges } from './conformance/ranges.ts';
import { sharing } from './conformance/sharing.ts';
import { tailing } from './conformance/tailing.ts';

export type { LogUnderTest } from './conformance/bench.ts';

/** Holds an adapter to each sentence of the comments of core/log/log.ts. */
export function logConformance(title: string, open: () => Promise<LogUnderTest>): void {
  describe(`${title} is a log`, () => {
    const bench = new Bench();

    beforeAll(async () => {
      bench.set(await open());
    });

    afterAll(async () => {
      await bench.under[Symbol.asyncDispose]();
    });

    for (const section of [describing, extents, appending, appendingOnce, tailing, ranges, sharing]) section(bench);
  });
}
