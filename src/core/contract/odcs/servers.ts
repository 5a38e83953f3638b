/** `servers[]` of the standard: what each type of server has, as one table. */
import { z } from 'zod';
import { role } from './people.ts';
import { closed, customProperties, integer, stableId, text, uri } from './shared.ts';

const port = z.union([integer, text]);

const kinds = { text, port, uri, sftp: uri.regex(/^sftp:\/\/.*/, 'expected a URI of the form sftp://...') };

/** Per type its members: `name`, `name!` where required, `name:kind` where it is not plain text. */
const table: Readonly<Record<string, string>> = {
  api: 'location:uri!',
  athena: 'stagingDir:uri schema! catalog regionName workgroup',
  azure: 'location:uri! format! encoding delimiter',
  bigquery: 'project! dataset!',
  btrieve: 'host! port:port database!',
  clickhouse: 'host! port:port! database!',
  databricks: 'host catalog! schema!',
  denodo: 'host! port:port! database',
  dremio: 'host! port:port! schema',
  duckdb: 'database! schema',
  exasol: 'host! port:port schema',
  fastobjects: 'database! host port:port',
  glue: 'account! database! location:uri format encoding',
  hana: 'host! port:port database schema',
  cloudsql: 'host! port:port! database! schema!',
  db2: 'host! port:port! database! schema',
  hive: 'host! port:port database!',
  iceberg: 'catalog! catalogUrl:uri! namespace warehouse',
  impala: 'host! port:port database!',
  informix: 'host! port:port database!',
  ingres: 'database! host! port:port',
  kafka: 'host! format encoding',
  kinesis: 'region format encoding',
  local: 'path! format! encoding',
  mysql: 'host! port:port! database!',
  oracle: 'host! port:port! serviceName!',
  poet: 'database! host port:port',
  postgresql: 'host! port:port! database! schema!',
  postgres: 'host! port:port! database! schema!',
  presto: 'host! catalog schema',
  pubsub: 'project!',
  redshift: 'host database! schema! region account',
  s3: 'location:uri! endpointUrl:uri format encoding delimiter',
  sftp: 'location:sftp! format encoding delimiter',
  snowflake: 'host port:port account! database! schema! warehouse',
  sqlserver: 'host! port:port database! schema!',
  synapse: 'host! port:port! database!',
  teradata: 'host! port:port database',
  trino: 'host! port:port! catalog! schema!',
  vectorwise: 'database! host! port:port',
  versant: 'database! host port:port',
  vertica: 'host! port:port! database! schema!',
  zen: 'host! port:port database!',
  custom:
    'account catalog database dataset delimiter endpointUrl:uri format encoding host location:uri path port:port project region regionName schema serviceName stagingDir warehouse stream',
};

const base = {
  id: stableId.optional(),
  server: text,
  description: text.optional(),
  environment: text.optional(),
  roles: z.array(role).optional(),
  customProperties: customProperties.optional(),
};

function shapeOf(type: string, members: string) {
  const shape: Record<string, z.ZodType> = {};
  for (const member of members.split(' ')) {
    const required = member.endsWith('!');
    const [name = '', kind = 'text'] = (required ? member.slice(0, -1) : member).split(':');
    const schema = kinds[kind as keyof typeof kinds];
    shape[name] = required ? schema : schema.optional();
  }
  return closed({ ...shape, ...base, type: z.literal(type) });
}

const options = Object.entries(table).map(([type, members]) => shapeOf(type, members));

export interface Server {
  readonly server: string;
  readonly type: string;
  readonly format?: string | undefined;
}

export const server: z.ZodType<Server> = z.discriminatedUnion(
  'type',
  options as unknown as [(typeof options)[0], ...typeof options],
) as unknown as z.ZodType<Server>;
