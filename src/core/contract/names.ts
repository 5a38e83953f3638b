/** Names: of products, of GraphQL types and fields, and those that nobody may take. */

export const kebab = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
export const graphqlName = /^[_A-Za-z][_0-9A-Za-z]*$/;
/** SemVer 2.0. */
export const semver =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

export function pascal(name: string): string {
  return name
    .split(/[-_]+/)
    .filter((word) => word !== '')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}

export function camel(name: string): string {
  const word = pascal(name);
  return word.charAt(0).toLowerCase() + word.slice(1);
}

/** Why a product cannot have this name; null where it can. */
export function reservedProductName(name: string): string | null {
  const field = camel(name);
  if (['products', 'product', 'usage', 'events', 'event'].includes(field)) return `"${name}" is reserved`;
  if (field.endsWith('Batch')) return `names that end in "batch" are reserved for batched subscriptions`;
  if (field.startsWith('publish')) return `names that begin with "publish" are reserved for publishing`;
  return null;
}

const reservedTypes = new Set(
  `Query Mutation Subscription Event Product Products ProductField ProductStatus Masking Usage PageInfo PublishReceipt ChangeOp OnLag ReplayFrom ReplayPosition Cursor
  TopicFilter Duration Owner Support SupportChannel ServiceLevel Operation OperationKind Deprecation Plan Grant Application Notice
  SluiceReady SluiceReadyData SluiceProgress SluiceGap SluiceGapData SluiceNotice SluiceNoticeData SluiceError SluiceErrorData SluiceRange SluicePublished SluiceReceipt
  Int Long Float Number Decimal String Boolean ID Date Time DateTime Timestamp JSON List Map Null Object Any`.split(
    /\s+/,
  ),
);

/** GraphQL's own and Sluice's: a contract cannot define these types. */
export function isReservedType(name: string): boolean {
  return (
    name.startsWith('__') ||
    reservedTypes.has(name) ||
    (name.endsWith('Filter') && reservedTypes.has(name.slice(0, -'Filter'.length)))
  );
}

/** Every GraphQL type name that follows from an object or entry type of a contract. `root`: the type of the product's data. */
export function typeNamesOf(name: string, root: boolean): readonly string[] {
  const suffixes = root
    ? ['', 'Filter', 'Input', 'Event', 'EventInput', 'EventBatch', 'EventConnection', 'EventEdge']
    : ['', 'Filter', 'Input'];
  return suffixes.map((suffix) => name + suffix);
}

export const fieldOperators = ['and', 'or', 'not'] as const;
