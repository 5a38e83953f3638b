/**
 * The configuration of a Kafka cluster. Parsed by config.ts; secrets have been resolved by then. Files are named here
 * and read by `connection.ts`, when the log is created.
 */
import { z } from 'zod';

const tls = z.union([
  z.boolean(),
  z
    .strictObject({
      /** PEM of the authorities to trust instead of the system's. */
      caFile: z.string().min(1).optional(),
      /** PEM of the client's certificate and key, for mutual TLS. */
      certFile: z.string().min(1).optional(),
      keyFile: z.string().min(1).optional(),
    })
    .refine((files) => (files.certFile === undefined) === (files.keyFile === undefined), {
      message: 'certFile and keyFile belong together',
    }),
]);

const password = { username: z.string().min(1), password: z.string().min(1) };

const sasl = z.union([
  z.discriminatedUnion('mechanism', [
    z.strictObject({ mechanism: z.literal('plain'), ...password }),
    z.strictObject({ mechanism: z.literal('scram-sha-256'), ...password }),
    z.strictObject({ mechanism: z.literal('scram-sha-512'), ...password }),
  ]),
  z.strictObject({ mechanism: z.literal('oauthbearer'), token: z.string().min(1) }),
  z.strictObject({
    mechanism: z.literal('oauthbearer'),
    /** Client credentials grant (RFC 6749, 4.4). Tokens are kept until shortly before they expire. */
    tokenUrl: z.url({ protocol: /^https?$/ }),
    clientId: z.string().min(1),
    clientSecret: z.string().min(1),
    scope: z.string().min(1).optional(),
  }),
]);

export const kafkaOptions = z.strictObject({
  type: z.literal('kafka'),
  /** Bootstrap addresses, `host:port`. */
  brokers: z
    .array(z.string().regex(/^[^:\s]+:\d{1,5}$/, 'must be host:port'))
    .min(1)
    .max(100),
  tls: tls.optional(),
  sasl: sasl.optional(),
});

export type KafkaOptions = z.infer<typeof kafkaOptions>;
export type SaslOptions = NonNullable<KafkaOptions['sasl']>;
