/** What the clients of a crowd share. */
import type { CrowdWriter } from './crowd-feed.ts';
import type { Life } from './crowd-lives.ts';
import type { At } from './crowd-wires.ts';

/** What happened, over all clients: a run in which it did not has tested nothing. */
export class Happened {
  events = 0;
  over16k = 0;
  over64k = 0;
  connections = 0;
  stalls = 0;
  cuts = 0;
  cutsWithin = 0;
  resumes = 0;
  /** Resumed from a position that the window cannot hold any more. */
  resumesBeyondRing = 0;
  resumesWithinRing = 0;
  /** Went on reading where what the sockets and the window hold cannot reach back to. */
  stallsBeyondRing = 0;
  completes = 0;
  sameId = 0;
  gaps = 0;
  conflations = 0;
  lagged = 0;
}

export interface World {
  readonly nodes: readonly At[];
  readonly key: string;
  readonly writer: CrowdWriter;
  readonly ringBytes: number;
  readonly lives: Life[];
  readonly happened: Happened;
  /** Aborted when the time is over, or something is wrong. */
  readonly stopping: AbortSignal;
  fail(what: string): void;
}
