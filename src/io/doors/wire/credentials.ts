/** Where a partner's secret may stand: headers, connection_init, and, for event streams alone, the URL. */
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

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function bearer(value: unknown): string | null {
  return typeof value === 'string' ? (/^Bearer +(\S+) *$/i.exec(value)?.[1] ?? null) : null;
}
