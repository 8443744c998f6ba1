/** While the brokers are away for ten minutes, Kubernetes must not restart the process. */
import { Watchdog } from './watchdog.js';

const named = (name: string): Error => Object.assign(new Error('no answer'), { name });

function overTenMinutes(error: Error): { watchdog: Watchdog; probes: () => Promise<void>; pass: (ms: number) => void } {
  let now = 1_000_000;
  const watchdog = new Watchdog(30_000, () => now);
  watchdog.reached();
  return {
    watchdog,
    pass: (ms) => void (now += ms),
    async probes() {
      watchdog.failed(error);
      for (let i = 0; i < 60; i++) {
        now += 10_000;
        await watchdog.check();
      }
    },
  };
}

describe('the watchdog', () => {
  it.each([
    'KafkaJSConnectionError',
    'KafkaJSConnectionClosedError',
    'KafkaJSRequestTimeoutError',
    'KafkaJSNumberOfRetriesExceeded',
    'KafkaJSBrokerNotFound',
  ])('stays alive through ten minutes of %s, and reports silence again once the brokers answer', async (name) => {
    const { watchdog, probes, pass } = overTenMinutes(named(name));
    await expect(probes()).resolves.toBeUndefined();
    watchdog.reached();
    await watchdog.check();
    pass(121_000);
    await expect(watchdog.check()).rejects.toThrow('silent for 121 s');
  });

  it('asks for a restart when the consumer is silent although the brokers answer', async () => {
    await expect(overTenMinutes(named('TypeError')).probes()).rejects.toThrow('silent for 120 s');
  });
});
