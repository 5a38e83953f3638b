/**
 * `npm test [FILTER...]`: the checks, then every test file (or those whose path contains a filter), servers and all. A
 * failing check counts like a failing test. The last line is `N passed, N failed`.
 */
import { startVitest } from 'vitest/node';
import { check } from './check/run.ts';
import { Counting, closingLine } from './reporter.ts';

const checks = await check();
const counting = new Counting();
const vitest = await startVitest('test', process.argv.slice(2), { watch: false, reporters: ['default', counting] });
await vitest.close();
for (const remark of counting.remarks) console.log(`FAILED ${remark}`);
const total = { passed: checks.passed + counting.counts.passed, failed: checks.failed + counting.counts.failed };
console.log(closingLine(total));
process.exit(total.failed === 0 ? 0 : 1);
