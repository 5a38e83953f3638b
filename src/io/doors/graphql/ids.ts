/** Ids of operations as their bytes in every frame. */

/** Bytes of an id as JSON escapes it; it is repeated in every frame. */
export const MAX_ID_BYTES = 256;

/**
 * Ids live as long as their subscriptions. In Node's own pool each could keep 8 KiB of other traffic's bytes alive; here they
 * share pages with nothing but ids.
 */
const PAGE_BYTES = 1_024;
let page = Buffer.alloc(0);

/** As JSON escapes it, without quotes: no byte of it can end the string or the frame. null where it is longer than MAX_ID_BYTES. */
export function idBytes(id: string): Buffer | null {
  // A character is a byte at least.
  if (id.length > MAX_ID_BYTES) return null;
  const escaped = JSON.stringify(id).slice(1, -1);
  const length = Buffer.byteLength(escaped);
  if (length > MAX_ID_BYTES) return null;
  if (length > page.length) page = Buffer.allocUnsafeSlow(PAGE_BYTES);
  const bytes = page.subarray(0, length);
  bytes.write(escaped);
  page = page.subarray(length);
  return bytes;
}
