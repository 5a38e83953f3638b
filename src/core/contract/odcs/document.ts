/**
 * The Open Data Contract Standard as a zod model: all of it, v3.0 to v3.2. Its verdicts are those of the standard's own JSON
 * Schema (with `format` asserted), which a test compares on many documents. What Sluice asks beyond it lives in ../rules.
 */
import { z } from 'zod';
import { price, role, slaProperties, support, team } from './people.ts';
import { schemaObject } from './properties.ts';
import { server } from './servers.ts';
import { authoritativeDefinitions, closed, context, customProperties, dateTime, tags, text } from './shared.ts';

const apiVersions = ['v3.2.0', 'v3.1.0', 'v3.0.2', 'v3.0.1', 'v3.0.0', 'v2.2.2', 'v2.2.1', 'v2.2.0'] as const;

export const odcsDocument = closed({
  version: text,
  kind: z.literal('DataContract'),
  apiVersion: z.enum(apiVersions),
  id: text,
  name: text.optional(),
  tenant: text.optional(),
  tags: tags.optional(),
  status: text.optional(),
  servers: z.array(server).optional(),
  dataProduct: text.optional(),
  description: z
    .looseObject({
      usage: text.optional(),
      purpose: text.optional(),
      limitations: text.optional(),
      authoritativeDefinitions: authoritativeDefinitions.optional(),
      customProperties: customProperties.optional(),
    })
    .optional(),
  domain: text.optional(),
  context: context.optional(),
  schema: z.array(schemaObject).optional(),
  support: support.optional(),
  price: price.optional(),
  team: team.optional(),
  roles: z.array(role).optional(),
  slaDefaultElement: text.optional(),
  slaProperties: slaProperties.optional(),
  authoritativeDefinitions: authoritativeDefinitions.optional(),
  customProperties: customProperties.optional(),
  contractCreatedTs: dateTime.optional(),
});
