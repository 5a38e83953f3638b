/**
 * Whom a certificate names. A node has `sluice://site/node` or, good for each node of the site, `sluice://site` among the URIs of its
 * subject alternative names; other names count for nothing here, nor does the subject. Which authorities are believed is TLS's business:
 * one that signs for a site can be that site.
 */
import { checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls';
import { isName, isSite, type Peer } from './peer.ts';

const PREFIX = 'sluice://';
/** One name of the list as Node tells it: a value with unusual characters is quoted as JSON. */
const ENTRY = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

interface Named {
  readonly site: string;
  /** null: any node of the site. */
  readonly node: string | null;
}

/** Those that the other end's verified certificate names; null: there is no such certificate, or it names none. */
export function certifiedNames(socket: TLSSocket): readonly Named[] | null {
  if (!socket.authorized) return null;
  const names = namesIn(socket.getPeerCertificate().subjectaltname ?? '');
  return names.length === 0 ? null : names;
}

export function names(certified: readonly Named[], { site, node }: Pick<Peer, 'site' | 'node'>): boolean {
  return certified.some((name) => name.site === site && (name.node === null || name.node === node));
}

/** TLS's check of whom the dialler has reached: by the names of Sluice where the certificate has any, else by the host's. */
export function checkListener(expected: { readonly site: string; readonly node?: string | undefined }) {
  return (host: string, certificate: PeerCertificate): Error | undefined => {
    const certified = namesIn(certificate.subjectaltname ?? '');
    if (certified.length === 0) return checkServerIdentity(host, certificate);
    const { site, node } = expected;
    const isExpected = certified.some(
      (name) => name.site === site && (name.node === null || node === undefined || name.node === node),
    );
    return isExpected ? undefined : new Error(`the certificate is not one of ${PREFIX}${site}`);
  };
}

/** Nothing of a list that is not told in its form, or of a name that cannot be. */
export function namesIn(list: string): readonly Named[] {
  const found: Named[] = [];
  ENTRY.lastIndex = 0;
  while (ENTRY.lastIndex < list.length) {
    const entry = ENTRY.exec(list);
    if (entry === null) return [];
    const [, kind, value = ''] = entry;
    if (kind !== 'URI' || !value.startsWith(PREFIX)) continue;
    const [site = '', node, ...more] = value.slice(PREFIX.length).split('/');
    if (!isSite(site) || (node !== undefined && !isName(node)) || more.length > 0) return [];
    found.push({ site, node: node ?? null });
  }
  return found;
}
