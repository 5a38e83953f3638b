/** Whether the version says what has changed (semver 2.0). */
import type { Contract } from '../model.ts';
import { semver } from '../names.ts';
import { type Changes, isBreaking } from './change.ts';

const levels = ['same', 'prerelease', 'patch', 'minor', 'major'] as const;
type Level = (typeof levels)[number];

/** To be asked last: what the version should be follows from the other changes. */
export function compareVersions(changes: Changes, { version: old }: Contract, { version: now }: Contract): void {
  const needed = neededLevel(changes);
  const { level, isBack } = step(old, now);
  const what = old === now ? `the version is still ${old}` : `the version goes from ${old} to ${now}`;
  if (isBack) changes.documentation('version', 'version', what, 'it goes back: versions only rise');
  else if (levels.indexOf(level) < levels.indexOf(needed))
    changes.documentation('version', 'version', what, `${reasons[needed]}: ${raised(old, needed)}`);
  else if (old !== now) changes.documentation('version', 'version', what, 'it says what has changed');
}

/** Whether a version is lower than another, by its three numbers. */
export function isBehind(version: string, than: string): boolean {
  return step(than, version).isBack;
}

const reasons: Readonly<Record<Level, string>> = {
  same: '',
  prerelease: '',
  patch: 'a change of the documentation raises at least the patch version',
  minor: 'a compatible change raises at least the minor version',
  major: 'a breaking change is a new major version',
};

function neededLevel({ all }: Changes): Level {
  if (all.some(isBreaking)) return 'major';
  if (all.some(({ kind }) => kind === 'compatible')) return 'minor';
  return all.length > 0 ? 'patch' : 'same';
}

function raised(version: string, level: Level): string {
  const [major = 1, minor = 0, patch = 0] = numbersOf(version);
  if (level === 'major') return `${major + 1}.0.0`;
  return level === 'minor' ? `${major}.${minor + 1}.0` : `${major}.${minor}.${patch + 1}`;
}

function numbersOf(version: string): readonly number[] {
  return (semver.exec(version)?.slice(1, 4) ?? []).map(Number);
}

function step(old: string, now: string): { readonly level: Level; readonly isBack: boolean } {
  const [before, after] = [numbersOf(old), numbersOf(now)];
  const at = before.findIndex((number, index) => number !== after[index]);
  if (at < 0) return { level: withoutBuild(old) === withoutBuild(now) ? 'same' : 'prerelease', isBack: false };
  return { level: (['major', 'minor', 'patch'] as const)[at] ?? 'same', isBack: (after[at] ?? 0) < (before[at] ?? 0) };
}

function withoutBuild(version: string): string {
  return version.replace(/\+.*$/, '');
}
