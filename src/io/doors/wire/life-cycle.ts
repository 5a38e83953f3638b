/** What programs are told of a product that is going: the headers of RFC 9745 (Deprecation) and RFC 8594 (Sunset). */
import type { Contract } from '../../../core/contract/index.ts';
import { sunsetOf } from '../../../core/surface/index.ts';
import { documentPath, pagePath } from './document-paths.ts';

/** Of a resource that is this product's alone. `shown`: what the principal may see; a successor that it may not is not named. */
export function lifeCycleHeaders(contract: Contract, shown: readonly Contract[]): Readonly<Record<string, string>> {
  if (contract.status !== 'deprecated') return {};
  const sunset = sunsetOf(contract);
  const successor = shown.find(({ product }) => product === contract.deprecation?.successor);
  const links = [
    `<${pagePath(contract.product)}>; rel="deprecation"; type="text/html"`,
    ...(successor === undefined ? [] : [`<${documentPath(successor.product, 'json')}>; rel="successor-version"`]),
  ];
  return {
    // The header is a date and a contract has none of this kind; one long past says no more than that it is so already.
    Deprecation: '@0',
    ...(sunset === null ? {} : { Sunset: new Date(sunset).toUTCString() }),
    Link: links.join(', '),
  };
}
