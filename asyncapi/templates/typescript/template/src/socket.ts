/** One WebSocket, as the stream sees it. */
export interface Socket {
  /** Nothing is told any more after this. */
  close(): void;
  /** Reads no more until `resume`. false: this kind of socket cannot. */
  pause(): boolean;
  resume(): void;
}

export interface SocketEvents {
  message(text: string): void;
  /** Once, also where it never opened. `status`: of the HTTP answer that refused it, where that is known. */
  closed(end: { readonly code: number; readonly reason: string; readonly status?: number }): void;
}

/** `key` is null where the application gave none. */
export type OpenSocket = (url: string, key: string | null, events: SocketEvents) => Socket;
