/** GraphQL over HTTP: graphql-yoga keeps the protocol (media types, status codes); parsing, rules and execution are this door's. */
import type { IncomingMessage } from 'node:http';
import { type DocumentNode, GraphQLError } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { SluiceError } from '../../../core/errors.ts';
import type { Observe } from '../../../core/observe.ts';
import { OperationError } from '../../../core/view/index.ts';
import type { ExecutionContext } from '../../../ways/ports.ts';
import { formatThrown } from './errors.ts';
import type { Execution } from './execution.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers one request whose body has been read: queries and mutations; a subscription is refused with the way to ask for it. */
export type Requests = (request: IncomingMessage, body: string, context: ExecutionContext) => Promise<Answer>;

/** The headers that decide about the answer. */
const HEADERS = ['accept', 'content-type'] as const;

export function createRequests(execution: Execution, observe: Observe): Requests {
  const plugin: Plugin<object, ExecutionContext> = {
    onEnveloped({ context, setSchema }) {
      setSchema((context as unknown as ExecutionContext).session.surface.schema);
    },
    onParse({ setParseFn }) {
      setParseFn((source) => parse(execution, source.toString()));
    },
    onValidate({ setValidationFn }) {
      setValidationFn((schema, document) => execution.validate(schema, document));
    },
    onExecute({ setExecuteFn }) {
      setExecuteFn(async (args) => {
        const result = await execution.run(args);
        return 'data' in result || result.errors === undefined ? result : { errors: result.errors.map(refused) };
      });
    },
    onSubscribe({ setResultAndStopExecution }) {
      setResultAndStopExecution({ errors: [refusedSubscription()] });
    },
  };
  const yoga = createYoga<ExecutionContext>({
    graphqlEndpoint: '/graphql',
    plugins: [plugin],
    maskedErrors: { errorMessage: '', maskError: (error) => shown(error, observe) },
    logging: false,
    graphiql: false,
    landingPage: false,
    cors: false,
    batching: false,
    multipart: false,
    // Bounded by the reader of the body, and the documents by their own cache.
    maxRequestBodySize: false,
    parserAndValidationCache: false,
  });
  return async (request, body, context) => {
    const headers = Object.fromEntries(
      HEADERS.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]])),
    );
    const method = request.method as string;
    const url = new URL(request.url as string, 'http://localhost');
    url.pathname = '/graphql';
    const fetched = new yoga.fetchAPI.Request(url.href, { method, headers, ...(method === 'POST' ? { body } : {}) });
    const response = await yoga.fetch(fetched, context);
    return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
  };
}

/** yoga wants one GraphQLError. */
function parse(execution: Execution, text: string): DocumentNode {
  try {
    return execution.parse(text);
  } catch (thrown) {
    throw thrown instanceof OperationError ? refused(thrown.errors[0] as GraphQLError) : thrown;
  }
}

/** yoga keeps what it wants to know about the HTTP answer in `extensions.http` and takes it out of what is sent. */
function shown(error: unknown, observe: Observe): GraphQLError {
  const [formatted] = formatThrown(error, observe);
  const given = error instanceof GraphQLError ? error : null;
  const { extensions } = given ?? {};
  return new GraphQLError(formatted?.message as string, {
    nodes: given?.nodes ?? null,
    source: given?.source ?? null,
    positions: given?.positions ?? null,
    path: given?.path ?? null,
    extensions: { ...formatted?.extensions, ...(extensions?.http === undefined ? {} : { http: extensions.http }) },
  });
}

/** The request's fault: 400, but 200 where the client takes nothing newer than application/json (`spec`). */
function refused(error: GraphQLError): GraphQLError {
  return new GraphQLError(error.message, {
    nodes: error.nodes ?? null,
    source: error.source ?? null,
    positions: error.positions ?? null,
    extensions: { ...error.extensions, http: { spec: true, status: 400 } },
  });
}

function refusedSubscription(): GraphQLError {
  const text =
    'A subscription is an event stream: ask for it with "Accept: text/event-stream" (GraphQL over SSE), ' +
    'or over a WebSocket with the subprotocol graphql-transport-ws.';
  const { message, extensions } = new SluiceError('BAD_REQUEST', text).toPublic();
  return new GraphQLError(message, { extensions: { ...extensions, http: { status: 400 } } });
}
