import { File } from '@asyncapi/generator-react-sdk';
import { factsOf } from '../../../../shared/facts.js';
import { clientOf } from '../../../components/client.js';
import { errorsOf } from '../../../components/errors.js';
import { frontOf } from '../../../components/front.js';
import { modelsText, pythonModels } from '../../../components/models.js';

export default async function ({ originalAsyncAPI, params }) {
  const facts = factsOf(originalAsyncAPI);
  const errors = JSON.parse(params.errors);
  const models = await pythonModels(facts, Object.keys(errors));
  const names = models.map(({ name }) => name);
  return [
    <File name="__init__.py">{frontOf(names, Object.keys(errors))}</File>,
    <File name="models.py">{modelsText(models)}</File>,
    <File name="errors.py">{errorsOf(errors)}</File>,
    <File name="client.py">{clientOf(facts)}</File>,
  ];
}
