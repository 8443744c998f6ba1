import { readRate, waitMs } from './rate.js';

const NOW = 1_764_000_000_000;
const limits = (limit: unknown, remaining: unknown, reset: unknown, date?: string): Headers =>
  new Headers({
    'x-rate-limit-limit': String(limit),
    'x-rate-limit-remaining': String(remaining),
    'x-rate-limit-reset': String(reset),
    ...(date !== undefined && { date }),
  });
const wait = (headers: Headers, bulk: boolean, status = 200): number =>
  waitMs(readRate(headers, status, NOW) ?? undefined, bulk, NOW);

describe("Okta's rate limit", () => {
  const reset = NOW / 1000 + 30;
  const date = new Date(NOW).toUTCString();

  it('stops bulk work below a fifth, and urgent work only at zero, until the window ends', () => {
    expect(wait(limits(600, 120, reset, date), true)).toBe(0);
    expect(wait(limits(600, 119, reset, date), true)).toBe(30_100);
    expect(wait(limits(600, 1, reset, date), false)).toBe(0);
    expect(wait(limits(600, 0, reset, date), false)).toBe(30_100);
  });

  it("ends by Okta's clock, not by ours", () => {
    const anHourAhead = new Date(NOW + 3_600_000).toUTCString();
    expect(wait(limits(600, 0, reset + 3_600, anHourAhead), false)).toBe(30_100);
    expect(wait(limits(600, 0, reset), false)).toBe(30_100);
    expect(wait(limits(600, 0, reset, 'no date'), false)).toBe(30_100);
  });

  it('ends with its window', () => {
    const state = readRate(limits(600, 0, reset, date), 200, NOW);
    expect(waitMs(state ?? undefined, true, NOW + 30_100)).toBe(0);
    expect(wait(limits(600, 0, reset - 90, date), false)).toBe(100);
    expect(waitMs(undefined, true, NOW)).toBe(0);
  });

  it('waits after a 429, whatever number of requests it says remains', () => {
    expect(wait(limits(600, 599, reset, date), false, 429)).toBe(30_100);
  });

  it('waits a second after a 429 about concurrency, whose Reset has no meaning, and after a 429 without headers', () => {
    expect(wait(limits(0, 0, reset + 1e6, date), false, 429)).toBe(1_000);
    expect(wait(new Headers(), false, 429)).toBe(1_000);
  });

  it.each([
    [new Headers()],
    [limits('x', 'y', 'z')],
    [limits(-1, 0, reset)],
    [limits(600, '', reset)],
    [limits(600, '1e3', reset)],
    [limits(600, 0, '9'.repeat(40))],
  ])('is unknown without valid headers: case %#', (headers) => {
    expect(readRate(headers, 200, NOW)).toBeNull();
  });
});
