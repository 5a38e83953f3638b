/** `customProperties`: what Sluice reads of them, and where each has its place. */
import type { Placed, Report } from '../findings.ts';
import { nearest } from '../nearest.ts';

export type Level = 'document' | 'schema' | 'property';

const places: Readonly<Record<string, Level>> = {
  envelope: 'document',
  operations: 'document',
  replay: 'document',
  deprecation: 'document',
  deletes: 'document',
  topicTemplate: 'schema',
  messageKey: 'schema',
  privacy: 'property',
};
const placeNames: Readonly<Record<Level, string>> = {
  document: 'at the root of the document',
  schema: 'on the schema object',
  property: 'on a property',
};

/** The values by name. Others' custom properties are left alone; ours in the wrong place, twice, or nearly right are findings. */
export function readCustom(owner: Placed, level: Level, report: Report): ReadonlyMap<string, Placed> {
  const found = new Map<string, Placed>();
  for (const entry of owner.at('customProperties').list) {
    const name = entry.at('property').text;
    if (name === null) continue;
    const place = Object.hasOwn(places, name) ? places[name] : undefined;
    if (place === undefined) {
      const near = nearest(name, Object.keys(places));
      if (near !== null && name.length > 4) {
        report.warning(
          'custom-property',
          entry.at('property'),
          `"${name}" means nothing to Sluice`,
          `did you mean "${near}"?`,
        );
      }
    } else if (place !== level) {
      report.error(
        'custom-property-place',
        entry.at('property'),
        `"${name}" does not belong here`,
        `it stands ${placeNames[place]}`,
      );
    } else if (found.has(name)) {
      report.error('custom-property-twice', entry.at('property'), `"${name}" stands here twice`, 'keep one');
    } else found.set(name, entry.at('value'));
  }
  return found;
}

/** Findings for members of a custom property's value that mean nothing. */
export function onlyMembers(place: Placed, rule: string, known: readonly string[], report: Report): void {
  for (const key of place.keys) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    report.error(
      rule,
      place.at(key),
      `"${key}" is not known here`,
      near === null ? `known are ${known.join(', ')}` : `did you mean "${near}"?`,
    );
  }
}
