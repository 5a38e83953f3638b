/** Which products a subscription of several is about: those that it names, or all, whose topics its filter can match. */
import { type Contract, canMatch, parseTopicFilter, type TopicFilter } from '../contract/index.ts';
import { SluiceError } from '../errors.ts';
import type { Surface } from '../surface/index.ts';

/** Products of one subscription: each has a section in its cursors. */
export const MAX_PRODUCTS = 64;

/**
 * `products`: names with their majors; null: every one that the surface shows a stream of. Errors: BAD_REQUEST, NOT_FOUND and BAD_FILTER
 * with the argument at fault as `path`.
 */
export function choose(
  surface: Surface,
  topic: TopicFilter | null,
  products: readonly string[] | null,
): readonly Contract[] {
  const fields = [...surface.subscription.values()].filter(({ kind }) => kind === 'stream');
  const offered = fields.map(({ contract }) => contract);
  const named = products === null ? offered : onlyNamed(offered, products);
  const chosen = named.filter((contract) => {
    const { topics } = contract.restriction;
    return canMatch(contract, topic, topics === null ? null : topics.map((text) => parseTopicFilter(text)));
  });
  if (chosen.length > 0) return chosen;
  const templates = named.map(({ product, templateText }) => `"${product}": ${templateText || 'no topics'}`);
  throw new SluiceError(
    'BAD_FILTER',
    `topic: no product has topics that it can match; there are ${templates.slice(0, 5).join(', ')}.`,
    { details: { path: 'topic' } },
  );
}

function onlyNamed(offered: readonly Contract[], products: readonly string[]): readonly Contract[] {
  if (products.length === 0) throw bad('name at least one, or leave it out for every product.');
  if (products.length > MAX_PRODUCTS) throw bad(`at most ${MAX_PRODUCTS} of them.`);
  const found = [...new Set(products)].map((product) => {
    const contract = offered.find((one) => one.product === product);
    if (contract === undefined)
      throw new SluiceError('NOT_FOUND', `products: there is no stream "${product.slice(0, 100)}".`, {
        details: { path: 'products' },
      });
    return contract;
  });
  const twice = found.find((one, index) => found.findIndex(({ name }) => name === one.name) < index);
  if (twice !== undefined) throw bad(`"${twice.product}" stands here in another major version too: name one of them.`);
  return found;
}

function bad(message: string): SluiceError {
  return new SluiceError('BAD_REQUEST', `products: ${message}`, { details: { path: 'products' } });
}
