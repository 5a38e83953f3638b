import { channelConformance } from './channel-conformance.ts';
import { MemoryChannel } from './memory-channel.ts';

channelConformance('of the stream tests', async () => {
  const [one, other] = MemoryChannel.pair();
  return {
    one,
    other,
    holdOther() {
      other.hold();
      return () => other.release();
    },
  };
});
