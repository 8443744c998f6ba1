import fc from 'fast-check';
import { TokenCache } from './token-cache.js';

const SIGNATURE = 's'.repeat(40);

test('finds only the same token, even if another one has the same end', () => {
  const cache = new TokenCache<number>(10);
  cache.set(`header.claims.${SIGNATURE}`, 1);
  expect(cache.get(`header.claims.${SIGNATURE}`)).toBe(1);
  expect(cache.get(`header.other1.${SIGNATURE}`)).toBeUndefined();
  expect(cache.get(SIGNATURE)).toBeUndefined();
  cache.delete(`header.claims.${SIGNATURE}`);
  expect(cache.get(`header.claims.${SIGNATURE}`)).toBeUndefined();
});

test('never exceeds its limit, never returns a wrong value, and drops the least recently used tokens', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 20 }),
      fc.array(fc.tuple(fc.nat(40), fc.boolean()), { maxLength: 300 }),
      (limit, steps) => {
        const cache = new TokenCache<number>(limit);
        for (const [n, write] of steps) {
          if (write) cache.set(`token-${n}`, n);
          else expect([n, undefined]).toContain(cache.get(`token-${n}`));
          expect(cache.size).toBeLessThanOrEqual(limit);
        }
      },
    ),
  );
  const cache = new TokenCache<number>(10);
  for (let n = 0; n < 100; n++) {
    cache.set(`token-${n}`, n);
    expect(cache.get('token-0')).toBe(0); // in use all the time
  }
  expect(cache.get('token-50')).toBeUndefined();
  expect(cache.get('token-99')).toBe(99);
});

test('caches nothing with a limit of 0', () => {
  const cache = new TokenCache<number>(0);
  cache.set('token', 1);
  expect([cache.get('token'), cache.size]).toEqual([undefined, 0]);
});

test('holds a token once, however often it is set and used, and forgets it at once', () => {
  const cache = new TokenCache<number>(4);
  for (const token of ['a', 'b', 'c']) cache.set(token, 1); // the first two are now old
  expect(cache.size).toBe(3);
  expect([cache.get('a'), cache.size]).toEqual([1, 3]);
  cache.set('b', 2);
  expect(cache.get('b')).toBe(2);
  cache.delete('b');
  cache.delete('a');
  expect([cache.get('a'), cache.get('b')]).toEqual([undefined, undefined]);
});

test('keeps both tokens of a limit of 2, and does not age them when one is set again', () => {
  const cache = new TokenCache<number>(2);
  cache.set('a', 1);
  cache.set('a', 2);
  cache.set('b', 3);
  expect([cache.get('a'), cache.size]).toEqual([2, 2]);
  const four = new TokenCache<number>(4);
  for (const token of ['a', 'b', 'b', 'b', 'c']) four.set(token, 1);
  expect([four.get('a'), four.get('b'), four.get('c')]).toEqual([1, 1, 1]);
});
