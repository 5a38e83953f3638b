export function exampleOf({ product }) {
  return `// Prints events until Ctrl-C; started again, it goes on where it was. Needs: npm install && npm run build, and a key in SLUICE_API_KEY.
import { defaultUrl, fileCursorStore, SluiceError, subscribe } from '${product}-client';

const stream = subscribe({
  url: process.env.SLUICE_URL ?? defaultUrl,
  apiKey: process.env.SLUICE_API_KEY,
  since: 'PT15M',
  store: fileCursorStore('./${product}.cursor'),
  onReady: () => console.error('connected'),
  onLost: ({ error, delayMs }) => console.error(\`\${error.message} Again in \${Math.round(delayMs)} ms.\`),
});
process.once('SIGINT', () => stream.close());

try {
  for await (const event of stream) console.log(event.subject, JSON.stringify(event.data));
} catch (error) {
  if (!(error instanceof SluiceError)) throw error;
  console.error(\`\${error.code}: \${error.message}\`);
  process.exitCode = 1;
}
`;
}
