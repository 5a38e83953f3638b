/** Where a partner's secret may stand: headers, a WebSocket's first message, and, for event streams alone, the URL and the subprotocols. */
import type { IncomingMessage } from 'node:http';

/** `Authorization: Bearer <key>`, else `X-API-Key`; null where neither is there. */
export function secretOfHeaders(request: IncomingMessage): string | null {
  return bearer(request.headers.authorization) ?? text(request.headers['x-api-key']);
}

/**
 * The payload of connection_init: `{"apiKey": "..."}` or `{"authorization": "Bearer ..."}`. Header names in any case
 * are taken too, since some clients pass their headers on as the payload.
 */
export function secretOfInit(payload: Readonly<Record<string, unknown>> | undefined): string | null {
  let secret: string | null = null;
  for (const [name, value] of Object.entries(payload ?? {})) {
    const key = name.toLowerCase();
    if (key === 'apikey' || key === 'x-api-key') secret ??= text(value);
    else if (key === 'authorization') secret ??= bearer(value);
  }
  return secret;
}

/** `?access_token=<key>` (RFC 6750, section 2.3): for event streams only, because a browser's EventSource sends no headers. */
export function secretOfUrl(url: URL): string | null {
  return text(url.searchParams.get('access_token'));
}

/** As the first of a WebSocket's subprotocols that begins so: the key as base64url follows. */
const TOKEN_PROTOCOL = 'sluice.token.';

/** A browser's WebSocket sends no headers of its own, but subprotocols, which unlike URLs do not stand in logs. */
export function secretOfProtocols(request: IncomingMessage): string | null {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const token = offered.find((name) => name.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length);
  return token === undefined ? null : text(Buffer.from(token, 'base64url').toString());
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function bearer(value: unknown): string | null {
  return typeof value === 'string' ? (/^Bearer +(\S+) *$/i.exec(value)?.[1] ?? null) : null;
}
