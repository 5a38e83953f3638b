/** What people see who are refused: why, and where a key goes. */
import type { SluiceError } from '../../../core/errors.ts';
import { escapeHtml, type Look, page } from './html.ts';

/** `path`: where they were going. */
export function refusalPage(error: SluiceError, path: string, look: Look): string {
  const isUnknown = error.status === 401;
  const head = `<h1>${isUnknown ? 'Who are you?' : 'Not here'}</h1>
<p>${escapeHtml(error.message)}</p>`;
  const form = `<form method="get" action="${escapeHtml(path)}">
<label for="key">Your API key</label>
<input id="key" name="access_token" type="password" autocomplete="off" required>
<button type="submit">Show the documents</button>
</form>`;
  return page(look, { title: 'AsyncAPI · Sluice', head, main: isUnknown ? form : '' });
}
