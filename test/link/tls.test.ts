/** Links over TLS, and between ends that stand on their certificates, made by openssl for this run. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { LinkRefused } from '../../src/io/link/index.ts';
import { programOf, run } from '../bed/command.ts';
import { Inbox, SECRET, Site } from './site.ts';

interface Certificate {
  readonly cert: string;
  readonly key: string;
}

describe('links over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-links-'));
  const at = (name: string): string => join(folder, name);
  let ca = '';
  let listener: Certificate;
  let us: Certificate;
  let asia: Certificate;
  let stranger: Certificate;

  const made = async (name: string, by: string, names: string): Promise<Certificate> => {
    const openssl = await programOf('openssl', 'openssl');
    const subject = ['-subj', `/CN=${name}`, '-nodes', '-newkey', 'rsa:2048'];
    const signed = ['-CA', at(`${by}.pem`), '-CAkey', at(`${by}.key`), '-addext', `subjectAltName=${names}`];
    await run(openssl, [
      'req',
      '-x509',
      ...subject,
      ...signed,
      '-keyout',
      at(`${name}.key`),
      '-out',
      at(`${name}.pem`),
    ]);
    return { cert: readFileSync(at(`${name}.pem`), 'utf8'), key: readFileSync(at(`${name}.key`), 'utf8') };
  };

  beforeAll(async () => {
    const openssl = await programOf('openssl', 'openssl');
    for (const name of ['ca', 'other-ca'])
      await run(openssl, [
        ...['req', '-x509', '-subj', `/CN=${name}`, '-nodes', '-newkey', 'rsa:2048'],
        ...['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)],
      ]);
    ca = readFileSync(at('ca.pem'), 'utf8');
    [listener, us, asia, stranger] = await Promise.all([
      made('eu', 'ca', 'URI:sluice://eu/eu-1,IP:127.0.0.1'),
      made('us', 'ca', 'URI:sluice://us'),
      made('asia', 'ca', 'URI:sluice://asia'),
      made('stranger', 'other-ca', 'URI:sluice://us'),
    ]);
  });

  const talk = async (site: Site, options: Parameters<Site['pair']>[0]): Promise<void> => {
    const [here, there] = await site.pair(options);
    const inbox = Inbox.of(here);
    there.channel.send([Buffer.from('over TLS')]);
    await inbox.until(() => inbox.messages.length === 1);
    expect(inbox.messages[0]?.toString()).toBe('over TLS');
    here.close();
  };
  const refusal = async (site: Site, options: Parameters<Site['dial']>[0]): Promise<string> => {
    const error = await site.dial(options).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof LinkRefused)) throw new Error(`no refusal: ${error}`);
    return error.reason;
  };

  test('with a secret: whoever dials knows the authority, and the listener is who it says', async () => {
    await using site = await Site.listening({ tls: { ...listener, requireClientCert: false } });
    await talk(site, { tls: { ca } });
    expect(await refusal(site, { tls: {} })).toMatch(/tls|certificate/);
    expect(await refusal(site, { tls: { ca }, secret: 'another secret of some length' })).toBe('proof');
    // Without TLS it is no WebSocket that it meets.
    expect(await refusal(site, {})).toBe('unreachable');
  });

  test('one with the certificate of another site is not the one that was dialled', async () => {
    await using site = await Site.listening({ tls: { ...asia, requireClientCert: false } });
    expect(await refusal(site, { tls: { ca } })).toBe('certificate');
  });

  test('without a secret both ends stand on certificates, which name their sites', async () => {
    await using site = await Site.listening({ tls: { ...listener, ca, requireClientCert: true } });
    await talk(site, { tls: { ca, ...us }, secret: null });
    expect(await refusal(site, { tls: { ca, ...asia }, secret: null })).toBe('certificate');
    expect(await refusal(site, { tls: { ca, ...stranger }, secret: null })).toMatch(/tls|unreachable/);
    expect(await refusal(site, { tls: { ca }, secret: null })).toMatch(/tls|unreachable|certificate/);
    expect(JSON.stringify(site.observe.lines)).not.toContain(SECRET);
  });
});
