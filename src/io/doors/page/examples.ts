/** First subscriptions in a few languages, with this gateway's own address. Run by a test, as they stand. */
import type { Contract, Field } from '../../../core/contract/index.ts';

export interface Example {
  readonly id: 'curl' | 'typescript' | 'python';
  readonly label: string;
  readonly code: string;
}

/** A subscription to the product that selects a few scalar fields, laid out over lines. */
export function exampleOperation(contract: Contract | null): string {
  if (contract === null) return 'subscription {\n  yourProduct {\n    cursor topic time\n  }\n}';
  const scalars = contract.fields
    .filter(({ type }: Field) => !['object', 'array', 'map'].includes(type.kind))
    .slice(0, 4);
  const data = scalars.length === 0 ? '' : `\n    data { ${scalars.map(({ name }) => name).join(' ')} }`;
  return `subscription {\n  ${contract.fieldName}(from: {last: 5}) {\n    cursor topic time${data}\n  }\n}`;
}

export function examples(contract: Contract | null, url: string): readonly Example[] {
  const operation = exampleOperation(contract);
  const socket = url.replace(/^http/, 'ws');
  return [
    {
      id: 'curl',
      label: 'curl',
      code: `curl -N ${url}/graphql -H "Authorization: Bearer $SLUICE_API_KEY" \\
  -H 'Accept: text/event-stream' -H 'Content-Type: application/json' \\
  -d '${JSON.stringify({ query: operation.replace(/\s+/g, ' ') })}'`,
    },
    {
      id: 'typescript',
      label: 'TypeScript',
      code: `// npm install graphql graphql-ws
import { createClient } from 'graphql-ws';

const client = createClient({
  url: '${socket}/graphql',
  connectionParams: { apiKey: process.env.SLUICE_API_KEY },
});

const query = \`${operation}\`;
for await (const { data } of client.iterate({ query })) console.log(data);`,
    },
    {
      id: 'python',
      label: 'Python',
      code: `# pip install "gql[websockets]"
import os
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport

transport = WebsocketsTransport(
    url="${socket}/graphql",
    init_payload={"apiKey": os.environ["SLUICE_API_KEY"]},
    subprotocols=["graphql-transport-ws"],
)
query = gql("""${operation}""")
for event in Client(transport=transport).subscribe(query):
    print(event)`,
    },
  ];
}
