/** One question to a server of the bed over plain TCP, and the first bytes of its answer. */
import { connect } from 'node:net';

export function ask(port: number, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(question));
    socket.once('error', reject);
    socket.once('data', (answer) => {
      socket.destroy();
      resolve(answer.toString());
    });
  });
}
