import { consequences, NOTHING, wishOf, type DoorState, type PersonFacts, type Wish } from './closing.js';

const facts = (change: Partial<PersonFacts> = {}): PersonFacts => ({
  active: true,
  deleted: false,
  oktaState: null,
  ...change,
});
const person = (change: Partial<DoorState> = {}): DoorState => ({
  ...facts(),
  door: 'open',
  roles: ['viewer'],
  provisioned: true,
  publishedStatus: 'active',
  publishedRoles: ['viewer'],
  ...change,
});

describe('what is wanted of a door', () => {
  it.each<[Partial<PersonFacts>, boolean, Wish]>([
    [{}, true, 'open'],
    [{ active: false }, true, 'closed'],
    [{ active: false }, false, 'as-is'],
    [{ deleted: true }, false, 'closed'],
    [{ oktaState: 'suspended' }, false, 'closed'],
    [{ oktaState: 'missing', active: false }, false, 'closed'],
  ])('%j with "Deactivate on Offboard" %s: %s', (change, setting, wish) => {
    expect(wishOf(facts(change), setting)).toBe(wish);
  });
});

describe('what follows for a person', () => {
  it('nothing, if he is in, known and his roles are as published: but a closing that waits is off', () => {
    expect(consequences(person(), 'open', false)).toEqual({ ...NOTHING, discardCase: true });
  });

  it('at first sight access is published, open or closed, and no case is opened', () => {
    const unseen = { publishedStatus: null, publishedRoles: [], door: 'closed' } as const;
    expect(consequences(person(unseen), 'open', false)).toMatchObject({
      door: 'open',
      publish: { status: 'active', roles: ['viewer'] },
      work: false,
    });
    expect(consequences(person({ ...unseen, active: false }), 'as-is', false)).toMatchObject({
      door: 'closed',
      publish: { status: 'inactive', roles: [] },
      openCase: false,
      work: true,
      signOut: true,
    });
  });

  it('an open door closes by a case only', () => {
    expect(consequences(person({ active: false }), 'closed', false)).toEqual({ ...NOTHING, openCase: true });
  });

  it('a door that is being opened closes at once: the fence still stands', () => {
    const opening = person({ publishedStatus: 'inactive', publishedRoles: [], active: false });
    const closing = { ...NOTHING, door: 'closed', work: true, signOut: true };
    expect(consequences(opening, 'closed', false)).toEqual(closing);
    expect(consequences(opening, 'as-is', false)).toEqual(closing);
    expect(consequences({ ...opening, active: true }, 'open', false)).toEqual(NOTHING);
  });

  it('behind a closed door: removal is told, a user who appears is work, a wish to open is work', () => {
    const closed = person({ door: 'closed', publishedStatus: 'inactive', publishedRoles: [], active: false });
    expect(consequences(closed, 'closed', false)).toEqual(NOTHING);
    expect(consequences(closed, 'as-is', false)).toEqual(NOTHING);
    expect(consequences({ ...closed, deleted: true }, 'closed', false).publish).toEqual({
      status: 'removed',
      roles: [],
    });
    expect(consequences(closed, 'closed', true)).toMatchObject({ work: true, signOut: true, publish: null });
    expect(consequences({ ...closed, active: true }, 'open', false)).toMatchObject({ door: 'open', work: true });
  });
});
