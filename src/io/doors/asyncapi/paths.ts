/** The paths of this door: `/asyncapi`, `/asyncapi/{product}.json`, `.yaml`, `/asyncapi/{product}/html`, `/client.zip` and `/client.tgz`. */
import { SluiceError } from '../../../core/errors.ts';
import { HttpRefusal } from '../wire/answers.ts';
import { ROOT } from '../wire/document-paths.ts';

export interface Place {
  /** null: the index. */
  readonly product: string | null;
  readonly form: 'json' | 'yaml' | 'html' | 'zip' | 'tgz';
}

/** `accepted`: of the two forms of the index the one that the client would rather have; null: neither. Errors: NOT_FOUND, BAD_REQUEST with status 406. */
export function placeOf(pathname: string, accepted: 'application/json' | 'text/html' | null): Place {
  if (pathname === ROOT || pathname === `${ROOT}/`) {
    if (accepted === null)
      throw new HttpRefusal(406, 'The index is application/json or text/html: ask for one of them.');
    return { product: null, form: accepted === 'text/html' ? 'html' : 'json' };
  }
  const [, product, document, below] =
    /^\/asyncapi\/([^/]+?)(?:\.(json|yaml)|\/(html|client\.(?:zip|tgz)))$/.exec(pathname) ?? [];
  if (product === undefined) throw new SluiceError('NOT_FOUND', 'Nothing stands at this path.');
  return { product, form: (document ?? below?.replace('client.', '')) as Place['form'] };
}
