/** Parsed operations by their text, bounded in number, text and tokens: many clients send the same few. */
import { type DocumentNode, getOperationAST, type OperationTypeNode } from 'graphql';
import { type OperationLimits, parseBounded } from '../../../core/view/index.ts';

const MAX_DOCUMENTS = 500;
/** Longer texts are parsed each time. */
const MAX_TEXT = 16_384;

interface Known {
  readonly text: string;
  readonly document: DocumentNode;
}

export class Documents {
  private readonly limits: OperationLimits;
  private readonly cache = new Map<string, Known>();

  constructor(limits: OperationLimits) {
    this.limits = limits;
  }

  /** Errors: GraphQLError for what is no GraphQL, or has too many tokens. */
  parse(text: string): DocumentNode {
    const known = this.cache.get(text);
    if (known !== undefined) {
      // Oldest use first: a Map keeps the order of insertion.
      this.cache.delete(text);
      this.cache.set(text, known);
      return known.document;
    }
    const document = parseBounded(text, this.limits);
    if (text.length <= MAX_TEXT) {
      this.cache.set(text, { text, document });
      if (this.cache.size > MAX_DOCUMENTS) this.cache.delete(this.cache.keys().next().value as string);
    }
    return document;
  }

  /** The same text: the string that is kept already, where it is. */
  interned(text: string): string {
    return this.cache.get(text)?.text ?? text;
  }

  /** null where the text cannot be parsed or names no single operation. */
  kindOf(text: string, operationName: string | null | undefined): OperationTypeNode | null {
    try {
      return getOperationAST(this.parse(text), operationName)?.operation ?? null;
    } catch {
      return null;
    }
  }
}
