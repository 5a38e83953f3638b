/** Who stands behind a contract and what they promise: roles, team, support, price, service levels. */
import { z } from 'zod';
import { authoritativeDefinitions, closed, customProperties, date, scalar, stableId, tags, text } from './shared.ts';

export const role = closed({
  id: stableId.optional(),
  role: text,
  description: text.optional(),
  access: text.optional(),
  firstLevelApprovers: text.optional(),
  secondLevelApprovers: text.optional(),
  customProperties: customProperties.optional(),
});

const member = closed({
  id: stableId.optional(),
  username: text,
  name: text.optional(),
  description: text.optional(),
  role: text.optional(),
  dateIn: date.optional(),
  dateOut: date.optional(),
  replacedByUsername: text.optional(),
  tags: tags.optional(),
  customProperties: customProperties.optional(),
  authoritativeDefinitions: authoritativeDefinitions.optional(),
});

/** An object since v3.1; v3.0 had the list of members alone. */
export const team = z.union([
  closed({
    id: stableId.optional(),
    name: text.optional(),
    description: text.optional(),
    members: z.array(member).optional(),
    tags: tags.optional(),
    customProperties: customProperties.optional(),
    authoritativeDefinitions: authoritativeDefinitions.optional(),
  }),
  z.array(member),
]);

export const support = z.array(
  closed({
    id: stableId.optional(),
    channel: text,
    url: text.optional(),
    description: text.optional(),
    tool: text.optional(),
    scope: text.optional(),
    invitationUrl: text.optional(),
    customProperties: customProperties.optional(),
  }),
);

export const price = closed({
  id: stableId.optional(),
  priceAmount: z.number().optional(),
  priceCurrency: text.optional(),
  priceUnit: text.optional(),
});

export const slaProperties = z.array(
  closed({
    id: stableId.optional(),
    property: text,
    value: scalar,
    valueExt: scalar.optional(),
    unit: text.optional(),
    element: text.optional(),
    driver: text.optional(),
    description: text.optional(),
    scheduler: text.optional(),
    schedule: text.optional(),
    customProperties: customProperties.optional(),
    authoritativeDefinitions: authoritativeDefinitions.optional(),
  }),
);
