/** Who is at an end of a link. */

export interface Peer {
  readonly site: string;
  readonly node: string;
  /** Which of the lives of the node: another one each time that it starts. */
  readonly incarnation: string;
}

export interface PeerInfo extends Peer {
  /** Where it connected from, or was connected to: `host:port`. */
  readonly address: string;
  /** What it showed that it is who it says. */
  readonly by: 'secret' | 'certificate';
  /** Whether both ends compress. */
  readonly compressed: boolean;
}

const SITE = /^[a-z0-9][a-z0-9-]{0,62}$/;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export function isSite(text: string): boolean {
  return SITE.test(text);
}

/** Of a node, or of one of its lives. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** Throws RangeError: a name that no other end would take. */
export function checkedPeer(self: Peer): Peer {
  if (!isSite(self.site)) throw new RangeError(`"${self.site}" cannot be the name of a site`);
  for (const name of [self.node, self.incarnation])
    if (!isName(name)) throw new RangeError(`"${name}" cannot be the name of a node or of its incarnation`);
  return self;
}
