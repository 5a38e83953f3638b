export { createHttpServer, type Health, type HttpServer, type HttpServerOptions, type Route } from './server.ts';
