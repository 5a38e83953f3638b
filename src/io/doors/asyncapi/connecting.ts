/** How to connect: the servers of a document, and lines to paste. */
import { code, escapeHtml, phrase } from './html.ts';
import { type Json, record, text } from './reading.ts';

export function connecting(document: Json): string {
  const servers = Object.entries(record(document['servers'])).map(([name, given]) => {
    const server = record(given);
    const url = `${server['protocol']}://${server['host']}${server['pathname']}${name === 'https' ? '/events' : ''}`;
    return `<article>
<h3>${escapeHtml(text(server['title']) ?? name)}</h3>
<p>${code(url)}</p>
<p>${phrase(text(server['description']) ?? '')}</p>
${snippets(name, url, Object.values(record(document['operations'])).map(record))
  .map((lines) => `<pre tabindex="0"><code>${escapeHtml(lines)}</code></pre>`)
  .join('\n')}
</article>`;
  });
  return `<div class="stack">
${servers.join('\n')}
</div>`;
}

function snippets(name: string, url: string, operations: readonly Json[]): readonly string[] {
  switch (name) {
    case 'sse':
      return [`curl -N '${url}' -H "X-API-Key: $SLUICE_API_KEY"`];
    case 'ws':
      return [
        `const key = btoa(apiKey).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const socket = new WebSocket('${url}', ['sluice.v1', \`sluice.token.\${key}\`]);
socket.onmessage = ({ data }) => console.log(JSON.parse(data));`,
      ];
    default:
      // There is something to read only where there is such an operation.
      return operations.some(({ action, bindings }) => action === 'receive' && isPast(bindings))
        ? [`curl '${url}?since=PT1H&limit=10' -H "X-API-Key: $SLUICE_API_KEY"`]
        : [];
  }
}

/** The past from a time on: the one that has a limit. */
function isPast(bindings: unknown): boolean {
  const query = record(record(record(record(bindings)['http'])['query'])['properties']);
  return query !== undefined && ['limit', 'last'].every((name) => Object.hasOwn(record(query), name));
}
