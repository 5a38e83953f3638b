/** The configuration of links: where this node takes them, and what lets it into its site. Parsed by config.ts, which has resolved secrets. */
import { z } from 'zod';
import { isName } from './peer.ts';

/** What a node is called among those of its site. */
export const nodeName = z
  .string()
  .refine(isName, 'must be up to 63 letters, digits, dots, hyphens and underscores, the first a letter or digit');

const listen = z
  .strictObject({
    /** Default: `listen.host`. */
    host: z.string().min(1).optional(),
    /** 0: a free one. */
    port: z.coerce.number().int().min(0).max(65_535).default(0),
    tls: z
      .strictObject({
        certFile: z.string().min(1),
        keyFile: z.string().min(1),
        /** PEM of the authorities that the certificates of other nodes are by; default: those that Node knows. */
        caFile: z.string().min(1).optional(),
        /** Whoever has no certificate is not let in. */
        requireClientCert: z.boolean().default(false),
      })
      .optional(),
  })
  .prefault({});

export const linkOptions = z.strictObject({
  listen,
  /** Where the other nodes of the site reach this one; default: what it listens on, and where that is every interface the machine's first address. */
  address: z
    .string()
    .regex(/^[^:\s]+:\d{1,5}$/, 'must be host:port')
    .optional(),
  /** What the nodes of the site, or another site, prove themselves by; default: one that lies in the site's state of record. */
  secret: z.string().min(16, 'must be of at least 16 characters').max(1_024).optional(),
});
