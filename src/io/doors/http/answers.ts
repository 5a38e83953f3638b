/** What every answer of the HTTP server carries, and what it says where no route answers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SluiceError } from '../../../core/errors.ts';
import { answerJson, errorHeaders } from '../wire/answers.ts';

/** Headers of every answer; a route may override them. There are no CORS headers: pages of other origins read nothing. */
export function secure(response: ServerResponse, isTls: boolean): void {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('X-Frame-Options', 'DENY');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
  if (isTls) response.setHeader('Strict-Transport-Security', 'max-age=31536000');
}

export function answerError(request: IncomingMessage, response: ServerResponse, error: SluiceError): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  answerJson(request, response, error.status, { errors: [error.toPublic()] }, errorHeaders(error));
}
