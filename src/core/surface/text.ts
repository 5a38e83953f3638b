/** Pieces of SDL text. Descriptions come from contracts, so everything is quoted as a GraphQL string. */

export function quote(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

/** A description line to put before a definition, or nothing. */
export function described(text: string | null | undefined): string {
  return text === null || text === undefined || text.trim() === '' ? '' : `${quote(text.trim())} `;
}

export function deprecatedBy(reason: string | null): string {
  return reason === null ? '' : ` @deprecated(reason: ${quote(reason.trim() === '' ? 'No longer supported' : reason)})`;
}

/** `{ ... }` with one member a line. */
export function block(head: string, members: readonly string[]): string {
  return `${head} {\n${members.map((member) => `  ${member}`).join('\n')}\n}`;
}

/** Sentences joined to one text, the absent ones left out. */
export function sentences(...parts: readonly (string | null | undefined)[]): string {
  return parts
    .filter((part): part is string => typeof part === 'string' && part.trim() !== '')
    .map((part) => (/[.!?]$/.test(part.trim()) ? part.trim() : `${part.trim()}.`))
    .join(' ');
}
