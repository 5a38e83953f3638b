import { aboutOf, errorTable } from '../../shared/readme.js';

export function readmeOf(facts, catalogue) {
  const { product, title, version, template, eventName, hasDeletes } = facts;
  const module = `${product.replaceAll('-', '_')}_client`;
  const deletes = hasDeletes ? '\nWhere `event["op"]` is `"DELETE"`, `event["data"]` is None.\n' : '';
  return `# ${product}-client

A client of the data product ${title} ${version}: typed events, an iterator that goes on where it broke off.

${aboutOf(facts)}

## Use

\`\`\`sh
pip install .
SLUICE_API_KEY=... python example.py
\`\`\`

\`\`\`python
import asyncio

from ${module} import subscribe


async def main() -> None:
    async with subscribe(api_key="...") as stream:
        async for event in stream:
            print(event["subject"], event["data"])


asyncio.run(main())
\`\`\`

An event is a \`${eventName}\`, a \`TypedDict\`. Its topic (\`subject\`) is \`${template}\`; its \`cursor\` is the position right after it. 64-bit integers
and decimals are strings, so that no digit is lost; times are strings in ISO 8601.
${deletes}
| option | meaning |
|---|---|
| \`api_key\` | the secret, or a function (also an asynchronous one) that gives one for each connection |
| \`url\` | default: \`DEFAULT_URL\` |
| \`topic\`, \`where\`, \`fields\` | which events, and what of them |
| \`after\`, \`since\`, \`last\` | where to begin where the store has no cursor; none of them: what comes from now on |
| \`store\` | where the position is kept: \`MemoryCursorStore()\` (default), \`FileCursorStore(path)\`, or your own \`load\` and \`save\` |
| \`heartbeat\` | seconds; after three without a word the connection is given up |
| \`on_lag\` | what happens where you read more slowly than events arrive |
| \`max_buffered\` | messages that wait for you, at most; then the socket is paused |
| \`min_delay\`, \`max_delay\`, \`max_attempts\` | between attempts, in seconds: exponential back-off with full jitter |
| \`on_ready\`, \`on_gap\`, \`on_notice\`, \`on_lost\` | what is told beside events |

## Positions

The position of an event is kept once you ask for the next one, or \`await stream.commit()\`: each event is delivered at least once. Whoever
stops in the middle of an event gets it again. \`break\` leaves the event that it broke at undone, \`stream.close()\` too.

\`CursorExpiredError\` has \`resume\`, which continues at the first position still held: \`await store.save(error.resume)\`, and subscribe
again; or begin anew.

## Errors

All are \`SluiceError\`s with \`code\`, \`retry\`, \`cursor\` and \`details\`. What another attempt may mend is mended; anything else ends the
iterator. \`StreamConnectionError\` ends it where something answers that is no gateway, or after \`max_attempts\`.

${errorTable(catalogue)}
`;
}
