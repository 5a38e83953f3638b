import { File } from '@asyncapi/generator-react-sdk';
import { factsOf } from '../../../shared/facts.js';
import { clientOf } from '../../components/client.js';
import { errorsOf } from '../../components/errors.js';
import { modelsText } from '../../components/models.js';

export default async function ({ originalAsyncAPI, params }) {
  const facts = factsOf(originalAsyncAPI);
  return [
    <File name="models.ts">{await modelsText(facts)}</File>,
    <File name="errors.ts">{errorsOf(JSON.parse(params.errors))}</File>,
    <File name="client.ts">{clientOf(facts)}</File>,
  ];
}
