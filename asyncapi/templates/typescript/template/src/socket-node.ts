import WebSocket from 'ws';
import type { OpenSocket } from './socket.js';

/** Far above what a gateway sends; a peer that sends more is no gateway. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

export const openSocket: OpenSocket = (url, key, events) => {
  const headers = key === null ? {} : { authorization: `Bearer ${key}` };
  const ws = new WebSocket(url, { headers, perMessageDeflate: false, maxPayload: MAX_MESSAGE_BYTES });
  let isOver = false;
  let reason = '';
  const closed = (code: number, why: string, status?: number): void => {
    if (isOver) return;
    isOver = true;
    ws.terminate();
    events.closed({ code, reason: why, ...(status === undefined ? {} : { status }) });
  };
  ws.on('message', (data) => {
    if (!isOver) events.message(data.toString());
  });
  ws.on('unexpected-response', (_request, response) => {
    closed(1006, `HTTP ${response.statusCode}`, response.statusCode);
  });
  ws.on('error', (error) => {
    reason = error.message;
  });
  ws.on('close', (code, text) => closed(code, text.toString() || reason));
  return {
    close() {
      if (isOver) return;
      isOver = true;
      // Says goodbye where it can; a peer that does not answer is left to the operating system.
      ws.close(1000);
      ws.terminate();
    },
    pause() {
      ws.pause();
      return true;
    },
    resume() {
      ws.resume();
    },
  };
};
