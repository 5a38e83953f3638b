/** From the text of a document to a contract, or to everything that is wrong with it. */
import { Findings, Placed } from './findings.ts';
import type { Contract, Finding } from './model.ts';
import { readMessageKey, readTemplate } from './rules/address.ts';
import { readCustom } from './rules/custom.ts';
import { FieldReader } from './rules/fields.ts';
import { readProduct } from './rules/product.ts';
import { findTopicObject, readSource } from './rules/source.ts';
import { readTerms } from './rules/terms.ts';
import { sealContract, type Unsealed } from './seal.ts';
import { checkStandard } from './standard.ts';
import { readYaml } from './yaml.ts';

export interface ReadContract {
  /** null where any finding is an error. */
  readonly contract: Contract | null;
  /** All of them, in order of place. */
  readonly findings: readonly Finding[];
}

/** Reads an ODCS document (YAML, of which JSON is a part). `file` names it in findings. Never throws. */
export function readContract(text: string, file: string): ReadContract {
  const located = readYaml(text, file);
  const findings = new Findings(located, file);
  if (findings.failed) return { contract: null, findings: findings.sorted() };
  checkStandard(located.value, findings);
  const parts = readParts(new Placed(located.value, []), file, findings);
  return { contract: findings.failed ? null : sealContract(parts), findings: findings.sorted() };
}

/** The rules beyond the standard. They read what is there whatever the standard says of it, so that all findings come at once. */
function readParts(root: Placed, file: string, report: Findings): Unsealed {
  const custom = readCustom(root, 'document', report);
  const roles = root.at('roles').list.flatMap((role) => role.at('role').text ?? []);
  const object = findTopicObject(root, report);
  const described = object ?? root.at('schema').list[0] ?? null;
  const identity = readProduct(root, described, report);
  const source = readSource(root, object, custom.get('envelope'), report);
  const terms = readTerms(root, custom, roles, source !== null, report);
  const objectCustom = described === null ? new Map<string, Placed>() : readCustom(described, 'schema', report);
  // What is catalogued only need not have properties; what it has is checked all the same.
  const hasFields = described !== null && (object !== null || described.at('properties').present);
  const fields = hasFields ? new FieldReader(report, roles).readRoot(described, identity.typeName) : [];
  const written = objectCustom.get('topicTemplate');
  const { template, text } =
    described === null || (source === null && written === undefined)
      ? { template: [], text: '' }
      : readTemplate(written, described, fields, report);
  const messageKey = readMessageKey(objectCustom.get('messageKey'), fields, report);
  if (terms.deletes && messageKey.length === 0) {
    report.error(
      'deletes',
      custom.get('deletes') ?? root,
      'deletes without a message key: nobody could tell what was deleted',
      'add {property: messageKey, value: {fields: [...]}} to the schema object',
    );
  }
  return {
    ...identity,
    ...terms,
    source,
    fields,
    template,
    templateText: text,
    messageKey,
    restriction: { topics: null, rows: null, replayMs: null, salt: null },
    file,
  };
}
