import { File } from '@asyncapi/generator-react-sdk';
import { factsOf } from '../../shared/facts.js';
import { exampleOf } from '../components/example.js';
import { packageOf } from '../components/package.js';
import { readmeOf } from '../components/readme.js';

export default function ({ originalAsyncAPI, params }) {
  const facts = factsOf(originalAsyncAPI);
  return [
    <File name="package.json">{packageOf(facts)}</File>,
    <File name="README.md">{readmeOf(facts, JSON.parse(params.errors))}</File>,
    <File name="example.mjs">{exampleOf(facts)}</File>,
  ];
}
