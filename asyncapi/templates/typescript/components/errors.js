import { errorClass } from '../../shared/facts.js';
import { docOf, quoted } from './text.js';

const HEAD = `/** When to try again: \`now\` at once, \`later\` with back-off, \`changed\` and \`never\` not before the request or the access has changed. */
export type Retry = 'now' | 'later' | 'changed' | 'never';

/** Positions [from, to) of one partition. */
export interface Range {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** What the gateway tells of an error. */
export interface ErrorDetails {
  readonly code: string;
  readonly message: string;
  readonly retry: Retry;
  /** Where to resume: right after the last event that was sent. */
  readonly cursor?: string;
  readonly retryAfterMs?: number;
  /** CURSOR_EXPIRED: a cursor that moves only the partitions whose events are gone. */
  readonly resume?: string;
  /** What cannot be had any more. */
  readonly missing?: readonly Range[];
  /** The parameter or field at fault. */
  readonly path?: string;
}

/** An error of the gateway's catalogue; there is a class for each code. */
export class SluiceError extends Error {
  readonly code: string;
  readonly retry: Retry;
  readonly details: ErrorDetails;

  constructor(details: ErrorDetails) {
    super(details.message);
    this.name = new.target.name;
    this.code = details.code;
    this.retry = details.retry;
    this.details = details;
  }

  get cursor(): string | undefined {
    return this.details.cursor;
  }

  get retryAfterMs(): number | undefined {
    return this.details.retryAfterMs;
  }
}
`;

const TAIL = `
/** The error of its code's class; a code that this client does not know is a plain SluiceError. */
export function errorOf(details: ErrorDetails): SluiceError {
  const known = (classes as Record<string, new (details: ErrorDetails) => SluiceError>)[details.code];
  return new (known ?? SluiceError)(details);
}

/** As the catalogue has it, for a connection that was closed with a code and nothing else. */
export function retryOf(code: string): Retry | undefined {
  return (retries as Record<string, Retry>)[code];
}
`;

export function errorsOf(catalogue) {
  const codes = Object.keys(catalogue);
  const classes = codes.map((code) => {
    const more = code === 'CURSOR_EXPIRED' ? EXPIRED : '';
    return `\n${docOf(catalogue[code].text)}export class ${errorClass(code)} extends SluiceError {${more}}\n`;
  });
  const table = codes.map((code) => `  ${code}: ${errorClass(code)},\n`).join('');
  const retries = codes.map((code) => `  ${code}: ${quoted(catalogue[code].retry)},\n`).join('');
  return `${HEAD}${classes.join('')}\nconst classes = {\n${table}};\n\nconst retries = {\n${retries}};\n${TAIL}`;
}

const EXPIRED = `
  /** A cursor that continues at the first position still held. */
  get resume(): string | undefined {
    return this.details.resume;
  }
`;
