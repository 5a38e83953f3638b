/** Clients as archives: which can be had, and what is said where they cannot. */
import { SluiceError } from '../../../core/errors.ts';
import { HttpRefusal } from '../wire/answers.ts';
import { type Text, tagged } from './documents.ts';

/** What makes them, apart from this process. */
export interface Clients<Language extends string = string> {
  readonly languages: readonly Language[];
  /** Whether there is a generator. */
  isInstalled(): boolean;
  /** The same bytes for the same document. Errors: those of the catalogue. */
  archive(asked: {
    readonly product: string;
    readonly document: object;
    readonly language: Language;
    readonly form: 'zip' | 'tgz';
  }): Promise<Buffer>;
}

/** Errors: BAD_REQUEST that names the languages. */
export function readLanguage<Language extends string>(url: URL, { languages }: Clients<Language>): Language {
  const given = url.searchParams.get('language');
  const language = languages.find((known) => known === given);
  if (language === undefined)
    throw new SluiceError('BAD_REQUEST', `language: one of ${languages.join(', ')}.`, {
      details: { path: 'language' },
    });
  return language;
}

/** Errors: BAD_REQUEST with status 501 where nothing generates clients here; those of `archive`. */
export async function clientOf<Language extends string>(
  clients: Clients<Language>,
  asked: Parameters<Clients<Language>['archive']>[0],
): Promise<Text> {
  if (!clients.isInstalled())
    throw new HttpRefusal(
      501,
      `This gateway has no generator of clients. Its document is the same: take /asyncapi/${asked.product}.json?protocol=ws to a generator of yours.`,
    );
  return tagged(await clients.archive(asked));
}
