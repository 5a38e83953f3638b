/** Where the stream door is, and how to say who one is. */
import { streamPath } from '../events.ts';
import type { Json } from './schema.ts';

const SECURITY = [{ $ref: '#/components/securitySchemes/apiKey' }, { $ref: '#/components/securitySchemes/bearer' }];

export type ServerName = 'ws' | 'sse' | 'https';

/**
 * The path of the stream is the server's, not the channel's: generators of WebSocket clients look at nothing else. `url`: as
 * partners reach the gateway, a path before it included.
 */
export function server(name: ServerName, product: string, url: string): Json {
  const { host, pathname, protocol } = new URL(url);
  const isSafe = protocol === 'https:' || protocol === 'wss:';
  return {
    host,
    pathname: `${pathname.replace(/\/+$/, '')}${streamPath(product)}`,
    protocol: name === 'ws' ? (isSafe ? 'wss' : 'ws') : isSafe ? 'https' : 'http',
    ...texts[name],
    ...(name === 'sse' ? { 'x-transport': 'sse' } : {}),
    security: SECURITY,
  };
}

const texts: Readonly<Record<ServerName, { readonly title: string; readonly description: string }>> = {
  ws: {
    title: 'WebSocket',
    description:
      'One text frame is one event. The key goes into a header of the handshake or, where none can be set (browsers, generated clients), into one of: the subprotocols sluice.v1 and sluice.token.<key in base64url without padding>; the parameter access_token; the first message, {"authorization": "Bearer <key>"} or {"apiKey": "<key>"}, within 3 s. Nothing else is sent to the server.',
  },
  sse: {
    title: 'Server-sent events',
    description:
      'GET with Accept: text/event-stream. The data of each is one event, its id the cursor; control events also have an event: line with their type. Last-Event-ID goes before after, since and last. The key goes into a header or, where none can be set (EventSource), into the parameter access_token.',
  },
  https: { title: 'HTTP', description: 'The past, and publishing. The key goes into a header.' },
};

export const securitySchemes: Json = {
  apiKey: {
    type: 'httpApiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'The API key that the owner of the gateway gave you.',
  },
  bearer: { type: 'http', scheme: 'bearer', description: 'The same key as Authorization: Bearer.' },
};
