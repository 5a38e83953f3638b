import { errorClass, wrapped } from './facts.js';

/** What every client's README says of its product. */
export function aboutOf({ title, description }) {
  return description.trim() === '' ? `Events of ${title}.` : wrapped(description.trim(), 120).join('\n');
}

/** The errors by what is done about them. `catalogue`: code -> {retry}. */
export function errorTable(catalogue) {
  const rows = Object.entries(catalogue).map(
    ([code, { text, retry }]) => `| \`${errorClass(code)}\` | ${text.replaceAll('|', '\\|')} | ${DONE[retry]} |`,
  );
  return ['| class | meaning | what the client does |', '|---|---|---|', ...rows].join('\n');
}

const DONE = {
  now: 'connects again at once',
  later: 'connects again later',
  changed: 'ends with it',
  never: 'ends with it',
};
