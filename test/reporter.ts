/**
 * Counts a run as this project counts it and closes with one line, `N passed, N failed`. A test that was skipped or left
 * for later has failed; so has a file that did not load, an error that nobody caught, and a run without a test.
 */
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export interface Counts {
  passed: number;
  failed: number;
}

export const closingLine = ({ passed, failed }: Counts): string => `${passed} passed, ${failed} failed`;

export class Counting implements Reporter {
  readonly counts: Counts = { passed: 0, failed: 0 };
  /** What counted as failed beside the failures that vitest prints itself. */
  readonly remarks: string[] = [];

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    for (const module of modules) this.#count(module);
    for (const error of unhandled) this.#fail(`an error that nobody caught: ${error.message}`);
    if (this.counts.passed + this.counts.failed === 0) this.#fail('not a single test ran');
  }

  #count(module: TestModule): void {
    let tests = 0;
    for (const test of module.children.allTests()) {
      tests += 1;
      const { state } = test.result();
      if (state === 'passed') this.counts.passed += 1;
      else if (state === 'failed') this.counts.failed += 1;
      else this.#fail(`${module.relativeModuleId} › ${test.fullName} did not run (${state})`);
    }
    const broken =
      module.errors().length > 0 || [...module.children.allSuites()].some((suite) => suite.errors().length > 0);
    if (broken) this.#fail(`${module.relativeModuleId} or one of its suites failed outside its tests`);
    else if (tests === 0) this.#fail(`${module.relativeModuleId} has no tests`);
  }

  #fail(remark: string): void {
    this.counts.failed += 1;
    this.remarks.push(remark);
  }
}

/** For a run of vitest by itself: the line comes last, and what it counts as failed fails the run. */
export default class Closing extends Counting {
  override onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    super.onTestRunEnd(modules, unhandled);
    for (const remark of this.remarks) console.log(`FAILED ${remark}`);
    console.log(closingLine(this.counts));
    if (this.counts.failed > 0) process.exitCode = 1;
  }
}
