import { errorClass } from '../../shared/facts.js';

/** The names that the package shows. `models`: theirs. */
export function frontOf(models, codes) {
  const shown = {
    client: ['DEFAULT_URL', 'subscribe'],
    cursor_store: ['CursorStore', 'FileCursorStore', 'MemoryCursorStore'],
    errors: ['SluiceError', 'StreamConnectionError', ...codes.map(errorClass)],
    models,
    stream: ['EventStream', 'Gap', 'Lost', 'Notice', 'Ready'],
  };
  const imports = Object.entries(shown).map(([module, names]) => importText(module, ordered(names)));
  const all = ordered(Object.values(shown).flat());
  return `"""A client of one data product: typed events, an iterator that goes on where it broke off."""

${imports.join('')}
__all__ = [
${all.map((name) => `    "${name}",\n`).join('')}]
`;
}

function importText(module, names) {
  const line = `from .${module} import ${names.join(', ')}\n`;
  return line.length <= 121 ? line : `from .${module} import (\n${names.map((name) => `    ${name},\n`).join('')})\n`;
}

/** As isort has it: constants, classes, functions. */
function ordered(names) {
  const rank = (name) => (/^[a-z_]/.test(name) ? 2 : name.length > 1 && name === name.toUpperCase() ? 0 : 1);
  return [...names].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}
