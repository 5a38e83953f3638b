/** `Idempotency-Key`: what a client calls its request, so that it can send it again. */
import type { IncomingMessage } from 'node:http';
import { SluiceError } from '../../../core/errors.ts';

const HEADER = 'Idempotency-Key';

/** A structured field of one string, as the draft of the IETF has it: of visible characters, two of them escaped. */
const STRING = /^"((?:[!#-[\]-~]|\\["\\])+)"$/;
/** As nearly everybody sends it: without what could be two of them, or the beginning of a string. */
const BARE = /^[!#-+\--:<-[\]-~]+$/;
const LONGEST = 255;

/** null where there is none. Errors: BAD_REQUEST naming the header. */
export function readOnce(request: IncomingMessage): { readonly key: string } | null {
  const given = request.headersDistinct['idempotency-key'];
  if (given === undefined) return null;
  const [text = ''] = given;
  const key = STRING.exec(text)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? (BARE.test(text) ? text : null);
  if (given.length > 1 || key === null || key.length > LONGEST)
    throw new SluiceError(
      'BAD_REQUEST',
      `${HEADER}: 1 to ${LONGEST} visible ASCII characters, once, as a string in double quotes or bare (then without " , ; and \\).`,
      { details: { path: HEADER } },
    );
  return { key };
}
