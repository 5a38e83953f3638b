import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { SluiceError } from '../../src/core/errors.ts';
import { createHttpServer, type Route } from '../../src/io/doors/http/index.ts';
import { createRecorder } from './door.ts';

const says = (name: string): Route => ({
  handle: (request, response) => void response.end(`${name} ${request.url}`),
});

async function serve(routes: Readonly<Record<string, Route>>) {
  const health = () => ({ isReady: true, body: {} });
  const server = createHttpServer({
    listen: { host: '127.0.0.1', port: 0 },
    observe: createRecorder(),
    health,
    routes,
  });
  const { port } = await server.listen();
  return {
    server,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

describe('a route', () => {
  test('stands at its path, or at every path below where its key ends in a slash; the exact one goes first', async () => {
    await using site = await serve({ '/': says('root'), '/a/': says('below a'), '/a/b': says('a b') });
    const asked = async (path: string): Promise<string> => (await fetch(`${site.url}${path}`)).text();
    expect(await asked('/')).toBe('root /');
    expect(await asked('/a/b')).toBe('a b /a/b');
    expect(await asked('/a/b/c?d=/x')).toBe('below a /a/b/c?d=/x');
    expect(await asked('/a/')).toBe('below a /a/');
    for (const path of ['/a', '/ab/c', '/x?y=/a/']) {
      const answer = await fetch(`${site.url}${path}`);
      expect([path, answer.status]).toEqual([path, 404]);
    }
    const socket = new WebSocket(`${site.url.replace('http', 'ws')}/a/b/c`);
    const [error] = await once(socket, 'error');
    expect(String(error)).toContain('404');
  });

  test('may word what keeps requests from it', async () => {
    const refuse: Route['refuse'] = (_request, response, error) => {
      response.statusCode = error.status;
      response.end(`mine: ${error.code}`);
    };
    const handle = (): never => {
      throw new SluiceError('NOT_FOUND');
    };
    await using site = await serve({ '/a/': { handle, refuse }, '/b': { handle } });
    expect(await (await fetch(`${site.url}/a/x`)).text()).toBe('mine: NOT_FOUND');
    expect(await (await fetch(`${site.url}/b`)).json()).toMatchObject({
      errors: [{ extensions: { code: 'NOT_FOUND' } }],
    });
  });
});
