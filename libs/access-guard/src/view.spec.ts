import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { AccessView, type AccessRecord } from './view.js';

const TENANT = randomUUID();
const record = (accountId: string, version: number, change: Partial<AccessRecord> = {}): AccessRecord => ({
  accountId,
  tenantId: TENANT,
  status: 'active',
  roles: ['viewer'],
  notBefore: null,
  version,
  ...change,
});

test('keeps records exactly, to the millisecond and beyond 32 bits', () => {
  const view = new AccessView();
  const id = randomUUID();
  expect(view.get(id)).toBeUndefined();
  expect(view.apply(record(id, 2 ** 40, { status: 'inactive', roles: ['a', 'b'], notBefore: 1_764_000_000_123 }))).toBe(
    'applied',
  );
  expect(view.get(id)).toEqual({
    tenantId: TENANT,
    status: 'inactive',
    roles: ['a', 'b'],
    notBefore: 1_764_000_000_123,
    version: 2 ** 40,
  });
  expect(view.get(id.toUpperCase())).toEqual(view.get(id));
  expect(view.get('not an id')).toBeUndefined();
});

test('treats a fence at the epoch as a fence, and null as none', () => {
  const view = new AccessView();
  const [a, b] = [randomUUID(), randomUUID()];
  view.apply(record(a, 1, { notBefore: 0 }));
  view.apply(record(b, 1, { notBefore: null }));
  expect([view.get(a)?.notBefore, view.get(b)?.notBefore]).toEqual([0, null]);
});

test('distinguishes ids that differ in any one bit', () => {
  const view = new AccessView();
  const bits = Array.from({ length: 128 }, (_, bit) => (1n << BigInt(bit)).toString(16).padStart(32, '0'));
  const ids = bits.map((hex) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));
  ids.forEach((id, i) => view.apply(record(id, i + 1)));
  expect(view.size).toBe(128);
  ids.forEach((id, i) => expect(view.get(id)?.version).toBe(i + 1));
  expect(view.get('00000000-0000-0000-0000-000000000000')).toBeUndefined();
});

describe('the version gate', () => {
  test('ignores an older or equal record', () => {
    const view = new AccessView();
    const id = randomUUID();
    view.apply(record(id, 5, { status: 'inactive', notBefore: 1 }));
    expect(view.apply(record(id, 4))).toBe('older');
    expect(view.apply(record(id, 5))).toBe('older');
    expect(view.get(id)?.status).toBe('inactive');
    expect(view.apply(record(id, 6))).toBe('applied');
    expect(view.get(id)?.status).toBe('active');
  });

  test('keeps the record with the highest sequence, in any order and with any repetition, like a plain map', () => {
    const accounts = Array.from({ length: 20 }, () => randomUUID());
    const change = fc.record({
      accountId: fc.constantFrom(...accounts),
      version: fc.integer({ min: 1, max: 30 }),
    });
    // As on the topic, account and version determine a record, so a repetition is identical.
    const full = ({ accountId, version }: { accountId: string; version: number }) =>
      record(accountId, version, {
        status: version % 3 === 0 ? 'inactive' : 'active',
        roles: [`role-${version % 5}`],
        notBefore: version % 2 ? version : null,
      });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const view = new AccessView();
        const model = new Map<string, AccessRecord>();
        for (const next of changes.map(full)) {
          view.apply(next);
          const known = model.get(next.accountId);
          if (!known || known.version < next.version) model.set(next.accountId, next);
        }
        expect(view.size).toBe(model.size);
        for (const id of accounts) {
          const { accountId: _, ...expected } = model.get(id) ?? { accountId: id };
          expect(view.get(id)).toEqual(model.has(id) ? expected : undefined);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('an account whose record was deleted, or cannot be read', () => {
  test.each(['removed', 'unreadable'] as const)(
    'is %s: no roles, fence kept, and only a newer record gives access back',
    (status) => {
      const view = new AccessView();
      const id = randomUUID();
      view.apply(record(id, 7, { notBefore: 42 }));
      expect(view.block(TENANT, id, status)).toBe('applied');
      expect(view.get(id)).toEqual({ tenantId: TENANT, status, roles: [], notBefore: 42, version: 7 });
      expect(view.apply(record(id, 7))).toBe('older');
      expect(view.apply(record(id, 8))).toBe('applied');
    },
  );

  test('is blocked even if it was never seen before', () => {
    const view = new AccessView();
    const id = randomUUID();
    view.block(TENANT, id, 'unreadable');
    expect(view.get(id)?.status).toBe('unreadable');
  });
});

test('refuses a record of one tenant about an account of another', () => {
  const view = new AccessView();
  const id = randomUUID();
  view.apply(record(id, 1, { status: 'inactive' }));
  expect(view.apply(record(id, 99, { tenantId: randomUUID() }))).toBe('foreign');
  expect(view.block(randomUUID(), id, 'removed')).toBe('foreign');
  expect(view.get(id)).toMatchObject({ tenantId: TENANT, status: 'inactive', version: 1 });
});

test('ignores a record whose id is not an account id', () => {
  expect(new AccessView().apply(record('alice', 1))).toBe('no_account_id');
  expect(new AccessView().block(TENANT, '', 'unreadable')).toBe('no_account_id');
});

test('frees unused role sets, so that an account that changes again and again takes no more memory', () => {
  const view = new AccessView();
  const ids = [randomUUID(), randomUUID()];
  for (let version = 1; version <= 20_000; version++)
    for (const id of ids) view.apply(record(id, version, { roles: [`role-${version}`] }));
  expect(view.profileCount).toBe(1);
  expect(ids.map((id) => view.get(id)?.roles)).toEqual([['role-20000'], ['role-20000']]);
});

test('holds a million accounts in under 100 MB, and finds every one', () => {
  const collect = globalThis.gc ?? (() => undefined);
  const id = (i: number) =>
    `${(Math.imul(i, 2654435761) >>> 0).toString(16).padStart(8, '0')}-0000-4000-8000-${i.toString(16).padStart(12, '0')}`;
  collect();
  const before = process.memoryUsage();
  const view = new AccessView();
  for (let i = 0; i < 1_000_000; i++) view.apply(record(id(i), i + 1, { roles: [`role-${i % 16}`] }));
  collect();
  const after = process.memoryUsage();
  expect(view.size).toBe(1_000_000);
  expect(view.bytes).toBeLessThan(60e6);
  // Memory outside the heap can always be measured, the heap only with node --expose-gc.
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(100e6);
  if (globalThis.gc) expect(after.heapUsed - before.heapUsed).toBeLessThan(20e6);
  for (let i = 0; i < 1_000_000; i += 997) expect(view.get(id(i))?.version).toBe(i + 1);
  expect(view.get(id(1_000_001))).toBeUndefined();
}, 120_000);
