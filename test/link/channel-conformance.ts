/** What every Channel promises (core/routing/stream/channel.ts), as one suite. */
import { afterEach, describe, expect, test } from 'vitest';
import type { Channel, ChannelReceiver } from '../../src/core/routing/index.ts';
import { noiseOf } from './noise.ts';

/** The two ends of one channel. */
export interface ChannelBench {
  readonly one: Channel;
  readonly other: Channel;
  /** Has the other end read nothing until what is returned is called. */
  holdOther(): () => void;
  /** Whatever there is beside the two ends. */
  end?(): Promise<void>;
}

/** Keeps what arrives, and wakes whoever waits for it. */
class Receiver implements ChannelReceiver {
  readonly messages: Buffer[] = [];
  drains = 0;
  readonly ends: (Error | null)[] = [];
  #waiting: (() => void)[] = [];

  message(bytes: Uint8Array): void {
    this.messages.push(Buffer.from(bytes));
    this.#wake();
  }

  drained(): void {
    this.drains += 1;
    this.#wake();
  }

  closed(error: Error | null): void {
    this.ends.push(error);
    this.#wake();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

/** So many bytes that do not repeat, others for each seed. */
const filled = (bytes: number, seed: number): Buffer => noise.subarray(seed % 100_000, (seed % 100_000) + bytes);
const noise = noiseOf(1_100_000);

export function channelConformance(name: string, open: () => Promise<ChannelBench>): void {
  describe(`the Channel ${name}`, () => {
    let bench: ChannelBench;
    const begin = async (): Promise<readonly [Receiver, Receiver]> => {
      bench = await open();
      const [one, other] = [new Receiver(), new Receiver()];
      bench.one.receive(one);
      bench.other.receive(other);
      return [one, other];
    };
    afterEach(async () => {
      bench.one.close();
      bench.other.close();
      await bench.end?.();
    });

    test('carries messages of any size whole and in order, both ways, whatever parts they are made of', async () => {
      const [one, other] = await begin();
      const sizes = [1, 5, 0, 100, 65_536, 3, 1_000_000, 7];
      for (const [i, size] of sizes.entries()) {
        const whole = filled(size, i);
        bench.one.send([whole.subarray(0, size >> 1), whole.subarray(size >> 1)]);
        bench.other.send([whole]);
      }
      for (const receiver of [one, other]) {
        await receiver.until(() => receiver.messages.length === sizes.length);
        for (const [i, message] of receiver.messages.entries())
          expect(message.equals(filled(sizes[i] as number, i))).toBe(true);
      }
    });

    test('hands nothing over from within send', async () => {
      const [, other] = await begin();
      bench.one.send([Buffer.from('a')]);
      expect(other.messages).toEqual([]);
      await other.until(() => other.messages.length === 1);
    });

    test('says when it is full, and when there is room again, and loses nothing', async () => {
      const [one, other] = await begin();
      const release = bench.holdOther();
      let sent = 0;
      let full = 0;
      // What lies between the ends may take some of it first.
      for (; one.drains === full; full += 1) {
        while (bench.one.send([filled(10_000, sent++)]));
        expect(sent).toBeLessThan(10_000);
        for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
      }
      release();
      await one.until(() => one.drains === full);
      await other.until(() => other.messages.length === sent);
      for (const [i, message] of other.messages.entries()) expect(message.equals(filled(10_000, i))).toBe(true);
    });

    test.each(['one', 'other'] as const)('that is closed by its end "%s" tells both, once', async (end) => {
      const [one, other] = await begin();
      bench[end].close();
      bench[end].close();
      await one.until(() => one.ends.length > 0);
      await other.until(() => other.ends.length > 0);
      expect([one.ends, other.ends]).toEqual([[null], [null]]);
      expect(bench.one.send([Buffer.from('late')])).toBe(true);
      await new Promise((resolve) => setImmediate(resolve));
      expect([one.ends, other.messages]).toEqual([[null], []]);
    });

    test('tells the end that closed it for an error that error', async () => {
      const [one, other] = await begin();
      const error = new Error('broken');
      bench.one.close(error);
      await one.until(() => one.ends.length > 0);
      await other.until(() => other.ends.length > 0);
      expect(one.ends).toEqual([error]);
    });
  });
}
