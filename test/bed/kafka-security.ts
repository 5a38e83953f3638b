/**
 * The secured side of a cluster: listeners with SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER with unsecured
 * tokens), with TLS, and with both; certificates made by openssl; an authorizer, so that "not allowed" can be met.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached } from './cache.ts';
import { programOf, run } from './command.ts';

/** May do everything, as may the plain and the TLS listener's anonymous clients. */
export const kafkaUser = { username: 'sluice', password: 'sluice-secret' } as const;
/** Has a password that is right and not a single right. */
export const kafkaOutsider = { username: 'outsider', password: 'outsider-secret' } as const;

export interface Secured {
  /** host:port,... of SASL without TLS. */
  readonly sasl: string;
  /** host:port,... of TLS without SASL. */
  readonly tls: string;
  /** host:port,... of SASL over TLS. */
  readonly saslTls: string;
  /** PEM of the authority that signed the brokers' certificates. */
  readonly ca: string;
  readonly caFile: string;
  readonly user: typeof kafkaUser;
  readonly outsider: typeof kafkaOutsider;
}

export interface SecurityFiles {
  readonly keyStore: string;
  readonly public: Pick<Secured, 'ca' | 'caFile' | 'user' | 'outsider'>;
}

/** The users as kafka-storage takes them. */
export const scramUsers = (): string[] =>
  ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) =>
    [kafkaUser, kafkaOutsider].map((user) => `${mechanism}=[name=${user.username},password=${user.password}]`),
  );

export async function securityFiles(): Promise<SecurityFiles> {
  const openssl = await programOf('openssl', 'openssl');
  const folder = await cached('kafka-certificates-1', async (made) => {
    const at = (name: string): string => join(made, name);
    const subject = (name: string): string[] => ['-subj', `/CN=${name}`, '-nodes', '-newkey', 'rsa:2048'];
    const caFiles = ['-keyout', at('ca.key'), '-out', at('ca.pem')];
    await run(openssl, ['req', '-x509', '-days', '3650', ...subject('Sluice test bed'), ...caFiles]);
    const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const signed = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-keyout', at('broker.key'), '-out', at('broker.crt')];
    await run(openssl, ['req', '-x509', '-days', '3650', ...subject('localhost'), ...names, ...signed]);
    await run('sh', ['-c', 'cat broker.key broker.crt > broker.pem'], { cwd: made });
  });
  const caFile = join(folder, 'ca.pem');
  const ca = await readFile(caFile, 'utf8');
  return { keyStore: join(folder, 'broker.pem'), public: { ca, caFile, user: kafkaUser, outsider: kafkaOutsider } };
}

/** The properties of server.properties that add the secured listeners to the plain ones. */
export function securityProperties(
  ports: Readonly<Record<'plain' | 'controller' | 'sasl' | 'tls' | 'saslTls', number>>,
  files: SecurityFiles,
): Record<string, string> {
  const clients = [
    `PLAINTEXT://127.0.0.1:${ports.plain}`,
    `SASL://127.0.0.1:${ports.sasl}`,
    `TLS://127.0.0.1:${ports.tls}`,
    `SASLTLS://127.0.0.1:${ports.saslTls}`,
  ].join(',');
  const protocols = 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,SASLTLS:SASL_SSL';
  const properties: Record<string, string> = {
    listeners: `${clients},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': clients,
    'listener.security.protocol.map': protocols,
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': files.keyStore,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': `User:ANONYMOUS;User:${kafkaUser.username}`,
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
  };
  const passwords = [kafkaUser, kafkaOutsider].map((user) => `user_${user.username}="${user.password}"`).join(' ');
  const modules = {
    plain: `org.apache.kafka.common.security.plain.PlainLoginModule required ${passwords};`,
    'scram-sha-256': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'scram-sha-512': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    oauthbearer:
      'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="sluice";',
  };
  for (const listener of ['sasl', 'sasltls']) {
    for (const [mechanism, module] of Object.entries(modules)) {
      properties[`listener.name.${listener}.${mechanism}.sasl.jaas.config`] = module;
    }
  }
  return properties;
}
