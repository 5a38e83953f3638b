/** Events that were received, as literals of the clients' languages: what their types do not allow does not compile. */

const MOST = 40;

/** The first event of each shape: what is there, and of which type. Where there are many shapes, the first of them. */
export function shapesOf<E extends object>(events: readonly E[]): readonly E[] {
  const found = new Map<string, E>();
  for (const event of events) {
    const shape = JSON.stringify(event, (_, value) => (typeof value === 'object' ? value : typeof value));
    if (!found.has(shape)) found.set(shape, event);
    if (found.size === MOST) break;
  }
  return [...found.values()];
}

/** The name of an event's type stands at the end of its `type`: `things.ThingEvent.v1`. */
const modelOf = ([event]: readonly object[]): string =>
  (event as { readonly type: string }).type.split('.').at(-2) ?? '';

/** `models`: path of the client's models. The last two lines compile only where a wrong value and a field too many do not. */
export function inTypeScript(models: string, events: readonly object[]): string {
  const model = modelOf(events);
  const [first] = events;
  return `import type { ${model} } from ${JSON.stringify(models)};
const event: ${model} = ${ascii(first)};
export const events: readonly ${model}[] = [
${events.map(ascii).join(',\n')}
];
// @ts-expect-error
export const wrong: ${model} = { ...event, cursor: 7 };
// @ts-expect-error
export const more: ${model} = ${ascii({ ...first, more: 1 })};
`;
}

export function inPython(module: string, events: readonly object[]): string {
  const model = modelOf(events);
  const [first] = events;
  return `from ${module} import ${model}

events: list[${model}] = [
${events.map((one) => `    ${literal(one)},`).join('\n')}
]
wrong: ${model} = ${literal({ ...first, cursor: 7 })}  # type: ignore[typeddict-item]
more: ${model} = ${literal({ ...first, more: 1 })}  # type: ignore[typeddict-unknown-key]
`;
}

function literal(value: unknown): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([name, one]) => `${ascii(name)}: ${literal(one)}`)
      .join(', ')}}`;
  return ascii(value);
}

/** JSON that is a literal of either language too, on one line. */
function ascii(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
