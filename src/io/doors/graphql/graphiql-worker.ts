/** Renders GraphiQL's page from the options in `workerData` and posts it gzipped. */
import { parentPort, workerData } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';

parentPort?.postMessage(gzipSync(renderGraphiQL(workerData)));
