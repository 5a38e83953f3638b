import type { OpenSocket } from './socket.js';

/** A browser's WebSocket sends no headers, so the key is one of the subprotocols; and it cannot be paused. */
export const openSocket: OpenSocket = (url, key, events) => {
  const protocols = key === null ? [] : ['sluice.v1', `sluice.token.${base64url(key)}`];
  const ws = new WebSocket(url, protocols);
  let isOver = false;
  ws.onmessage = ({ data }) => {
    if (!isOver && typeof data === 'string') events.message(data);
  };
  ws.onclose = ({ code, reason }) => {
    if (isOver) return;
    isOver = true;
    events.closed({ code, reason });
  };
  return {
    close() {
      isOver = true;
      ws.close(1000);
    },
    pause: () => false,
    resume() {},
  };
};

function base64url(text: string): string {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
