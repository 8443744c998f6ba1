import fc from 'fast-check';
import { hookEvents, MAX_HOOK_EVENTS, verifyHookSecret } from './hooks.js';

const ANNA = '00u1ero7vZFVEIYLWPBN';
const BEN = '00u2ero7vZFVEIYLWPBN';
const user = (id: unknown) => ({ id, type: 'User', alternateId: 'anna@example.com', displayName: 'Anna' });
const suspended = (change: object = {}): object => ({
  uuid: '8c4c7c2e-0000-4000-8000-000000000001',
  published: '2026-11-26T10:00:00.123Z',
  eventType: 'user.lifecycle.suspend',
  target: [user(ANNA)],
  ...change,
});
const body = (...events: unknown[]): object => ({ eventType: 'com.okta.event_hook', eventId: 'x', data: { events } });

describe('the events in a delivery', () => {
  it('name the type, the user and the instant in UTC', () => {
    expect(hookEvents(body(suspended(), suspended({ published: '2026-11-26T12:00:00+02:00' })))).toEqual([
      {
        id: '8c4c7c2e-0000-4000-8000-000000000001',
        type: 'user.lifecycle.suspend',
        published: '2026-11-26T10:00:00.123Z',
        userId: ANNA,
        appIds: [],
      },
      expect.objectContaining({ published: '2026-11-26T10:00:00.000Z' }),
    ]);
  });

  it('become one entry per user, and none for other targets', () => {
    const target = [
      { id: '0oa1ero7vZFVEIYLWPBN', type: 'AppInstance' },
      user(ANNA),
      user(ANNA),
      user(BEN),
      { id: '0ua1ero7vZFVEIYLWPBN', type: 'AppUser' },
    ];
    const events = hookEvents(body(suspended({ target })));
    expect(events.map((e) => e.userId)).toEqual([ANNA, BEN]);
    expect(events.map((e) => e.appIds)).toEqual([['0oa1ero7vZFVEIYLWPBN'], ['0oa1ero7vZFVEIYLWPBN']]);
    expect(hookEvents(body(suspended({ target: [] }), suspended({ target: null })))).toEqual([]);
  });

  it.each([
    ['a path', '../users'],
    ['the owner of the token', 'me'],
    ['a login', 'anna@example.com'],
    ['a number', 42],
    ['nothing', undefined],
    ['an object', { toString: 'x' }],
  ])('are ignored if the user id is %s', (_what, id) => {
    expect(hookEvents(body(suspended({ target: [user(id)] })))).toEqual([]);
  });

  it.each([
    ['uuid', ''],
    ['uuid', 'x'.repeat(101)],
    ['uuid', 7],
    ['eventType', 'DROP TABLE'],
    ['eventType', `a${'b'.repeat(200)}`],
    ['published', 'yesterday'],
    ['published', '2026-02-31T00:00:00Z'],
    ['published', 1764151200000],
    ['target', 'User'],
  ])('are ignored if %s is %p, while the others are kept', (attribute, value) => {
    expect(hookEvents(body(suspended({ [attribute]: value }), suspended()))).toHaveLength(1);
  });

  it.each([
    [undefined],
    [null],
    [''],
    ['[]'],
    [42],
    [[]],
    [{}],
    [{ data: null }],
    [{ data: { events: 'x' } }],
    [{ data: { events: { length: 1e9 } } }],
    [{ data: { events: [null, [], 1, 'x', {}] } }],
  ])('are not found in the body %p', (garbage) => {
    expect(hookEvents(garbage)).toEqual([]);
  });

  it('are limited in number, however many the body contains', () => {
    const bomb = body(...Array.from({ length: 100_000 }, () => suspended()));
    expect(hookEvents(bomb)).toHaveLength(MAX_HOOK_EVENTS);
    const ids = Array.from({ length: 5_000 }, (_, i) => user(`00u${String(i).padStart(17, '0')}`));
    const targets = hookEvents(body(...Array.from({ length: 100 }, () => suspended({ target: ids }))));
    expect(targets).toHaveLength(MAX_HOOK_EVENTS);
    expect(new Set(targets.map((e) => e.userId)).size).toBeLessThanOrEqual(50);
  });

  it('are valid or ignored, whatever JSON the body contains', () => {
    const events = fc.array(
      fc.record(
        {
          uuid: fc.jsonValue(),
          published: fc.oneof(
            fc.jsonValue(),
            fc.date({ noInvalidDate: true }).map((d) => d.toISOString()),
          ),
          eventType: fc.oneof(fc.jsonValue(), fc.constant('user.lifecycle.suspend')),
          target: fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())),
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.record({ data: fc.record({ events }) })), (anything) => {
        for (const e of hookEvents(anything)) {
          expect(e.userId).toMatch(/^[0-9A-Za-z]{20}$/);
          expect(new Date(e.published).toISOString()).toBe(e.published);
        }
      }),
    );
  });
});

describe('the secret of a hook', () => {
  it('must equal the whole header exactly', () => {
    expect(verifyHookSecret('the secret', 'the secret')).toBe(true);
    for (const header of ['the secret ', 'The secret', 'the secre', 'Bearer the secret', '', undefined, null, 7])
      expect(verifyHookSecret(header, 'the secret')).toBe(false);
    expect(verifyHookSecret(['the secret'], 'the secret')).toBe(false);
  });

  it('refuses every delivery if none is configured', () => {
    expect(verifyHookSecret('', '')).toBe(false);
    expect(verifyHookSecret(undefined, '')).toBe(false);
  });
});
