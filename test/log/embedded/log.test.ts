import { logConformance } from '../conformance.ts';
import { openEmbeddedUnderTest } from './storage.ts';

logConformance('the embedded log', openEmbeddedUnderTest);
