/** The configuration of coordination by Redis. Parsed by config.ts; secrets have been resolved by then, files are read when it is opened. */
import { z } from 'zod';

const address = z.string().regex(/^[^:\s]+:\d{1,5}$/, 'must be host:port');
const addresses = z.array(address).min(1).max(100);

export const redisOptions = z
  .strictObject({
    type: z.literal('redis'),
    /** Of a single Redis; rediss:// is with TLS. */
    url: z.url({ protocol: /^rediss?$/, error: 'must be redis://host:port or rediss://host:port' }).optional(),
    /** The sentinels, and what they call the Redis that they watch. */
    sentinel: z.strictObject({ name: z.string().min(1), nodes: addresses }).optional(),
    /** Some nodes of a Redis Cluster. */
    cluster: addresses.optional(),
    /** What the names of all keys and channels begin with. */
    prefix: z.string().max(100).default('sluice:'),
    /** Of the ACL; default: what the url says. */
    username: z.string().min(1).optional(),
    password: z.string().min(1).optional(),
    tls: z
      .strictObject({
        /** PEM; default: the authorities that Node knows. */
        caFile: z.string().min(1).optional(),
        certFile: z.string().min(1).optional(),
        keyFile: z.string().min(1).optional(),
      })
      .refine((files) => (files.certFile === undefined) === (files.keyFile === undefined), {
        message: 'certFile and keyFile belong together',
      })
      .optional(),
  })
  .refine(({ url, sentinel, cluster }) => [url, sentinel, cluster].filter((way) => way !== undefined).length === 1, {
    message: 'needs one of url, sentinel and cluster',
  });

export type RedisOptions = z.output<typeof redisOptions>;
