/** A certificate of its own making for localhost. */
import { join } from 'node:path';
import { programOf, run } from '../bed/command.ts';

/** Writes both files into the folder; a day is enough for a test. */
export async function certificate(folder: string): Promise<{ readonly certFile: string; readonly keyFile: string }> {
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const openssl = await programOf('openssl', 'openssl');
  const how = ['-x509', '-nodes', '-newkey', 'rsa:2048', '-subj', '/CN=localhost', '-days', '1'];
  await run(openssl, ['req', ...how, '-keyout', keyFile, '-out', certFile]);
  return { certFile, keyFile };
}
