/** vitest's global set-up: the control socket of the run's shared servers, and their end. */
import type { TestProject } from 'vitest/node';
import { serveBed } from './control.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the bed's control socket. */
    bed: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { path, close } = await serveBed();
  project.provide('bed', path);
  return close;
}
