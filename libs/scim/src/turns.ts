import { setImmediate as nextTurn } from 'node:timers/promises';

/** Parsing so many ids takes about 3 ms. */
const PER_TURN = 5_000;

/** Elements since the last turn, over all lists, because a request may bring a thousand short lists. */
let done = 0;

/** Calls `work` with each element of a long list, and lets other requests run in between. */
export async function inTurns<T>(list: Iterable<T>, work: (element: T) => void): Promise<void> {
  for (const element of list) {
    work(element);
    if (++done < PER_TURN) continue;
    done = 0;
    await nextTurn();
  }
}
