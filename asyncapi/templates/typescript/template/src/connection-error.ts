/** The connection could not be made, or broke. */
export class ConnectionError extends Error {
  /** Of the HTTP answer, where there was one. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.name = 'ConnectionError';
    this.status = status;
  }
}
