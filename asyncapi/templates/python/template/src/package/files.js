import { File } from '@asyncapi/generator-react-sdk';
import { factsOf } from '../../../../shared/facts.js';
import { clientOf } from '../../../components/client.js';
import { errorsOf } from '../../../components/errors.js';
import { modelsText } from '../../../components/models.js';

export default async function ({ originalAsyncAPI, params }) {
  const facts = factsOf(originalAsyncAPI);
  const models = await modelsText(facts);
  return [
    <File name="models.py">{models}</File>,
    <File name="errors.py">{errorsOf(JSON.parse(params.errors))}</File>,
    <File name="client.py">{clientOf(facts)}</File>,
  ];
}
