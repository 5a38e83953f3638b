export type { Link } from './channel.ts';
export { type DialOptions, dialLink } from './dial.ts';
export type { Peer } from './peer.ts';
export { createPipeChannel } from './pipe.ts';
export { keepLink } from './redial.ts';
export { LinkRefused, refusals } from './refusal.ts';
export { type LinkListener, type ListenOptions, listenForLinks } from './server.ts';
