import { docOf, quoted } from './text.js';

export function clientOf({ title, url, eventName, template, hasDeletes }) {
  const about = `Events of ${title}. Topics are ${template}.`;
  const deletes = hasDeletes ? " `op` tells what happened; where it is 'DELETE', `data` is null." : '';
  return `import type { ${eventName} } from './models.js';
import type { OpenSocket } from './socket.js';
import { type EventStream, openStream, type Projected, type StreamOptions } from './stream.js';

/** Where the events are unless the options say another place. */
export const defaultUrl = ${quoted(url)};

${docOf(`What to subscribe to, and how. ${about}`)}export interface SubscribeOptions extends Omit<StreamOptions, 'url'> {
  /** Default: \`defaultUrl\`. */
  readonly url?: string;
}

export interface Subscribe {
${docOf(`${about} Connects at once and goes on until it is closed, its loop is left, or an error that another attempt would not mend.${deletes}`, { indent: '  ' })}  (options: SubscribeOptions & { readonly fields?: undefined }): EventStream<${eventName}>;
  /** With \`fields\`, what was not asked for is not there, also where it is required otherwise. */
  (options: SubscribeOptions): EventStream<Projected<${eventName}>>;
}

export function subscribeThrough(open: OpenSocket): Subscribe {
  return ((options: SubscribeOptions) =>
    openStream<${eventName}>(open, { ...options, url: options.url ?? defaultUrl })) as Subscribe;
}
`;
}
