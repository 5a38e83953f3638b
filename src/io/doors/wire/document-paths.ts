/** Where a product's AsyncAPI documents stand: their door answers there, and the others point there. */
import type { AsyncApiProtocol } from '../../../core/surface/index.ts';

export const ROOT = '/asyncapi';

export function documentPath(product: string, form: 'json' | 'yaml', protocol: AsyncApiProtocol = 'all'): string {
  return `${ROOT}/${product}.${form}${protocol === 'all' ? '' : `?protocol=${protocol}`}`;
}

export function pagePath(product: string): string {
  return `${ROOT}/${product}/html`;
}

export function clientPath(product: string, language: string): string {
  return `${ROOT}/${product}/client.zip?language=${language}`;
}
