/** Contracts as their files have them, and which of them are in force. */
import type { Contract, Finding } from '../model.ts';

export interface BrokenFile {
  readonly file: string;
  readonly findings: readonly Finding[];
  /** Whether another contract of the file, or of its product, is served in its place. */
  readonly serving: boolean;
}

export interface ContractSet {
  /** In order of file. */
  readonly contracts: readonly Contract[];
  readonly broken: readonly BrokenFile[];
}

export interface OfferedContract {
  readonly contract: Contract;
  /** The document that it was read from. */
  readonly text: string;
}
