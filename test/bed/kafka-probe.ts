/** Asks a broker for its view of the cluster with one Metadata request, so that "it is up" means what a client means. */
import { connect } from 'node:net';

export interface ClusterView {
  readonly clusterId: string;
  readonly brokers: number;
}

/** What the broker at this port of 127.0.0.1 answers, or undefined where it does not (yet). */
export function probe(port: number, timeoutMs = 1000): Promise<ClusterView | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let received = Buffer.alloc(0);
    const end = (view?: ClusterView): void => {
      socket.destroy();
      resolve(view);
    };
    socket.setTimeout(timeoutMs, () => end());
    socket.once('error', () => end());
    socket.once('close', () => end());
    socket.once('connect', () => socket.write(metadataRequest()));
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      if (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) end(readMetadata(received));
    });
  });
}

/** Metadata v2 of no Kafka topics: api key 3, version 2, correlation id, no client id, an empty array. */
function metadataRequest(): Buffer {
  const request = Buffer.alloc(18);
  request.writeInt32BE(14, 0);
  request.writeInt16BE(3, 4);
  request.writeInt16BE(2, 6);
  request.writeInt16BE(-1, 12);
  return request;
}

function readMetadata(response: Buffer): ClusterView | undefined {
  let at = 8;
  const text = (): string => {
    const length = response.readInt16BE(at);
    at += 2 + Math.max(0, length);
    return length < 0 ? '' : response.toString('utf8', at - length, at);
  };
  const brokers = response.readInt32BE(at);
  at += 4;
  for (let i = 0; i < brokers; i++) {
    at += 4;
    text();
    at += 4;
    text();
  }
  const clusterId = text();
  const controller = response.readInt32BE(at);
  return controller < 0 ? undefined : { clusterId, brokers };
}
