/** One difference between two versions of a contract, and whom it concerns. */

/**
 * `breaking-readers`: whoever reads may fail, or read something else than before. `breaking-publishers`: whoever writes, through Sluice or
 * straight to the Kafka topic, may be refused. `compatible`: both go on as they are. `documentation`: only people notice.
 */
export type ChangeKind = 'compatible' | 'breaking-readers' | 'breaking-publishers' | 'documentation';

export interface Change {
  readonly kind: ChangeKind;
  /** Kebab-case name of the rule. */
  readonly rule: string;
  /** What of the contract, dotted: `version`, `operations.publish`, `fields.route.origin` (lists and maps have no level of their own). */
  readonly path: string;
  /** What is different. */
  readonly what: string;
  /** Why that is of its kind. */
  readonly why: string;
}

/** Collects changes in the order in which they are found. */
export class Changes {
  readonly all: Change[] = [];

  compatible(rule: string, path: string, what: string, why: string): void {
    this.all.push({ kind: 'compatible', rule, path, what, why });
  }

  readers(rule: string, path: string, what: string, why: string): void {
    this.all.push({ kind: 'breaking-readers', rule, path, what, why });
  }

  publishers(rule: string, path: string, what: string, why: string): void {
    this.all.push({ kind: 'breaking-publishers', rule, path, what, why });
  }

  documentation(rule: string, path: string, what: string, why = 'it is said, and nothing is done otherwise'): void {
    this.all.push({ kind: 'documentation', rule, path, what, why });
  }

  /** A documentation change where the two differ. */
  said(rule: string, path: string, noun: string, old: unknown, now: unknown): void {
    if (JSON.stringify(old) !== JSON.stringify(now)) this.documentation(rule, path, `${noun} changed`);
  }
}

export function isBreaking({ kind }: Change): boolean {
  return kind === 'breaking-readers' || kind === 'breaking-publishers';
}
