/** Access: who you are and what you may see. Hides credentials, grants, masks and row filters. */
export * from './access.ts';
export * from './attempts.ts';
export * from './changes.ts';
export type { Listening } from './listeners.ts';
export { covers, narrowContract } from './narrow.ts';
export * from './principal.ts';
export type { ApplicationRecord, GrantRecord, KeyRecord } from './records.ts';
export { journalTopics, secretsTopic } from './records.ts';
export { newSecret, type Random } from './secret.ts';
export { State } from './state.ts';
