/** `npm run check`: types, lint, imports, dead code, drift of generated files. */
import { closingLine } from '../reporter.ts';
import { check } from './run.ts';

const counts = await check();
console.log(closingLine(counts));
process.exitCode = counts.failed === 0 ? 0 : 1;
