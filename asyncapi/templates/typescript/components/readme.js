import { aboutOf, errorTable } from '../../shared/readme.js';

export function readmeOf(facts, catalogue) {
  const { product, title, version, template, eventName, hasDeletes } = facts;
  const deletes = hasDeletes ? "\nWhere `event.op` is `'DELETE'`, `event.data` is null.\n" : '';
  return `# ${product}-client

A client of the data product ${title} ${version}: typed events, an iterator that goes on where it broke off.

${aboutOf(facts)}

## Use

\`\`\`sh
npm install
npm run build
SLUICE_API_KEY=... node example.mjs
\`\`\`

\`\`\`ts
import { subscribe } from '${product}-client';

for await (const event of subscribe({ apiKey: process.env.SLUICE_API_KEY })) {
  console.log(event.subject, event.data);
}
\`\`\`

An event is a \`${eventName}\`. Its topic (\`subject\`) is \`${template}\`; its \`cursor\` is the position right after it. 64-bit integers and
decimals are strings, so that no digit is lost; times are strings in ISO 8601.
${deletes}
| option | meaning |
|---|---|
| \`apiKey\` | the secret, or a function that gives one for each connection |
| \`url\` | default: \`defaultUrl\` |
| \`topic\`, \`where\`, \`fields\` | which events, and what of them |
| \`after\`, \`since\`, \`last\` | where to begin where the store has no cursor; none of them: what comes from now on |
| \`store\` | where the position is kept: \`memoryCursorStore()\` (default), \`fileCursorStore(path)\` (Node.js), or your own \`load\` and \`save\` |
| \`heartbeat\` | seconds; after three without a word the connection is given up |
| \`onLag\` | what happens where you read more slowly than events arrive |
| \`maxBuffered\` | events that wait for you, at most; then the socket is paused (a browser's is left, and comes back) |
| \`minDelayMs\`, \`maxDelayMs\`, \`maxAttempts\` | between attempts: exponential back-off with full jitter |
| \`onReady\`, \`onGap\`, \`onNotice\`, \`onLost\` | what is told beside events |
| \`signal\` | closes the stream |

## Positions

The position of an event is kept once you ask for the next one, or \`await stream.commit()\`: each event is delivered at least once. Whoever
stops in the middle of an event gets it again. \`break\` leaves the event that it broke at undone, \`stream.close()\` too.

\`CursorExpiredError\` has \`resume\`, which continues at the first position still held: \`await store.save(error.resume)\`, and subscribe
again; or begin anew.

## Errors

All are \`SluiceError\`s with \`code\`, \`retry\`, \`cursor\` and \`details\`. What another attempt may mend is mended; anything else ends the
iterator. \`ConnectionError\` ends it where something answers that is no gateway, or after \`maxAttempts\`.

${errorTable(catalogue)}

## Browsers

\`dist/browser.js\` (what bundlers take) has no dependencies and can be loaded as it is: \`<script type="module">\`. It has no
\`fileCursorStore\`. A key in a page can be read by whoever opens the page.
`;
}
