/** `sluice contracts lint [DIR] [--json]`. */
import { formatFindings } from '../core/contract/index.ts';
import { checkContracts } from '../gateway.ts';
import { type Out, printJson } from './state.ts';

/**
 * Checks every contract of a directory, or one file. Exit code 0: no errors (there may be warnings); 1: errors.
 * With `json` stdout has one object {files, errors, warnings, findings}; everything else goes to stderr.
 */
export async function lintContracts(dir: string, options: { readonly json: boolean }, out: Out): Promise<number> {
  const { files, findings, text } = await checkContracts(dir);
  const errors = findings.filter((finding) => finding.severity === 'error').length;
  const warnings = findings.length - errors;
  if (options.json) printJson(out, { files, errors, warnings, findings });
  else if (findings.length > 0) out.stderr.write(`${formatFindings(findings, { text })}\n\n`);
  out.stderr.write(`${counted(files, 'contract')}: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}.\n`);
  return errors > 0 ? 1 : 0;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
