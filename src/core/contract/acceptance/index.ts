/** Which contracts were accepted, and what is in force of those that are offered. */
export { AcceptedContracts } from './accepted.ts';
export { acceptContracts } from './decide.ts';
export type { BrokenFile, ContractSet, OfferedContract } from './offer.ts';
export { contractsTopic, forgetAccepted } from './records.ts';
export { type Settlement, type SettleOptions, settleContracts } from './settle.ts';
