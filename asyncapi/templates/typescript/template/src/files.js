import { File } from '@asyncapi/generator-react-sdk';
import { factsOf } from '../../../shared/facts.js';
import { clientOf } from '../../components/client.js';
import { errorsOf } from '../../components/errors.js';
import { modelsText } from '../../components/models.js';

export default async function ({ originalAsyncAPI, params }) {
  const facts = factsOf(originalAsyncAPI);
  const errors = JSON.parse(params.errors);
  return [
    <File name="models.ts">{await modelsText(facts, Object.keys(errors))}</File>,
    <File name="errors.ts">{errorsOf(errors)}</File>,
    <File name="client.ts">{clientOf(facts)}</File>,
  ];
}
