/** GraphQL over WebSocket (`graphql-transport-ws`): the connections, and graphql-ws between them and the wire. */
import { handleProtocols, makeServer } from 'graphql-ws';
import { headerOf } from '../wire/bodies.ts';
import { secretOfHeaders } from '../wire/credentials.ts';
import { Peers, type PeersOptions } from '../wire/peers.ts';
import { Connection, type ConnectionOptions, type SocketContext } from './connection.ts';
import { formatThrown } from './errors.ts';
import type { LiveSubscription } from './live.ts';

/** What graphql-ws calls `extra` is the connection itself. */
type Extra = Connection & Record<PropertyKey, unknown>;

export function createWebSockets(options: PeersOptions & ConnectionOptions): Peers<Connection> {
  const { observe } = options;
  const protocol = makeServer<Record<string, unknown>, Extra>({
    // The wire's: graphql-ws would keep a timer for each connection.
    connectionInitWaitTimeout: 0,
    onConnect: (context) => {
      const { connectionParams, extra } = context;
      // The secret is needed once.
      (context as { connectionParams?: unknown }).connectionParams = undefined;
      peers.known(extra);
      try {
        extra.authenticate(connectionParams);
      } catch (error) {
        // Never `false`: graphql-ws would close with 4403, which stock clients retry.
        extra.refuse(error);
      }
    },
    onSubscribe: ({ extra }, id, payload) => extra.accept(id, payload),
    subscribe: ({ contextValue }) => contextValue as LiveSubscription,
    execute: (args) => (args.contextValue as SocketContext).connection.execute(args),
    onNext: (_context, _id, _payload, _args, { errors, data }) => {
      if (errors === undefined) return undefined;
      return {
        ...(data === undefined ? {} : { data }),
        errors: errors.flatMap((error) => formatThrown(error, observe)),
      };
    },
    onError: (_context, _id, _payload, errors) => errors.flatMap((error) => formatThrown(error, observe)),
  });
  const peers: Peers<Connection> = new Peers(options, {
    choose: (offered) => handleProtocols(offered),
    create: (ws, socket, request) => {
      const upgraded = { secret: secretOfHeaders(request), traceparent: headerOf(request, 'traceparent') };
      return new Connection(ws, socket, upgraded, options);
    },
    begin: (connection) => connection.onEnded(protocol.opened(connection, connection as Extra)),
  });
  return peers;
}
