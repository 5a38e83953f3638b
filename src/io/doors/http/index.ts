export { createHttpServer, type Health, type HttpServer, type Route } from './server.ts';
