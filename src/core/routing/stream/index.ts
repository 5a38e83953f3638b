export type { Channel, ChannelReceiver } from './channel.ts';
export { MAX_MESSAGE_BYTES, StreamError } from './messages.ts';
export { JournalRelay, type StreamClock } from './relay.ts';
export { createRemote, type Remote } from './remote.ts';
export { createStreamServer, type Standing, type StreamServer } from './serve.ts';
