/** The catalogue of what ends a link before it begins, and the error that carries it. docs/PROTOCOL.md is held to it by a test. */

interface Entry {
  /** WebSocket close code; null: the other end is told in another way, or not at all. */
  readonly close: number | null;
  /** Another attempt meets the same until somebody changes something. */
  readonly lasting: boolean;
  readonly text: string;
}

export const refusals = {
  unreachable: { close: null, lasting: false, text: 'the connection cannot be made, or broke off' },
  http: { close: null, lasting: true, text: 'no WebSocket of the path /v1/link and the subprotocol sluice.link.1' },
  tls: { close: null, lasting: true, text: 'TLS was not agreed on' },
  crowded: { close: null, lasting: false, text: 'too many connections that have not proved who they are' },
  late: { close: 4408, lasting: false, text: 'the handshake was not finished in time' },
  frame: { close: 1002, lasting: true, text: 'a broken WebSocket frame' },
  text: { close: 1003, lasting: true, text: 'a text frame: links are binary' },
  too_large: { close: 1009, lasting: true, text: 'a message of the handshake that is too large' },
  malformed: { close: 4400, lasting: true, text: 'what came is not the message of the handshake that belongs there' },
  version: { close: 4406, lasting: true, text: 'another version of the protocol' },
  site: { close: 4404, lasting: true, text: 'a site that is not known here' },
  proof: { close: 4401, lasting: true, text: 'the proof does not fit: the secrets of the two ends differ' },
  certificate: { close: 4403, lasting: true, text: 'the certificate does not name this site and node' },
  wrong_peer: { close: 4421, lasting: true, text: 'another site or node than was expected at this address' },
  loop: { close: 4409, lasting: true, text: 'both ends are the same node' },
  slowed: { close: 4429, lasting: true, text: 'too many failed attempts from this address: try again later' },
} as const satisfies Record<string, Entry>;

export type RefusalReason = keyof typeof refusals;

export class LinkRefused extends Error {
  readonly reason: RefusalReason;

  /** The message may be told to the other end: no secret, nothing of the inside. At most 123 bytes of it are. */
  constructor(reason: RefusalReason, message: string = refusals[reason].text, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'LinkRefused';
    this.reason = reason;
  }

  get close(): number | null {
    return refusals[this.reason].close;
  }

  get lasting(): boolean {
    return refusals[this.reason].lasting;
  }
}

/** What the other end closed the handshake for. */
export function refusedBy(code: number, text: string): LinkRefused {
  const said = plain(text);
  const found = Object.entries(refusals).find(([, { close }]) => close === code);
  if (found === undefined) return new LinkRefused('unreachable', `the other end closed with ${code} ${said}`.trimEnd());
  const reason = found[0] as RefusalReason;
  return new LinkRefused(reason, `the other end refused the link: ${said === '' ? refusals[reason].text : said}`);
}

/** What another end said, fit for a log. */
export function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
