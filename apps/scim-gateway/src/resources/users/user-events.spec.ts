import { changeEvents, createdEvent, deletedEvent, directoryUser, emailOf, type UserState } from './user-events.js';

const cause = { requestId: 'r1', at: new Date('2026-01-31T08:00:00Z') };
const ada: UserState = {
  id: 'u1',
  tenantId: 't1',
  version: 7,
  accessVersion: 2,
  resource: { userName: 'ada@x', active: true, name: { givenName: 'Ada' }, emails: [{ value: 'a@x' }] },
};
const short = (type: string) => type.replace('com.stackflow.directory.', '').replace('.v2', '');
const changes = (after: UserState['resource']) =>
  changeEvents(ada, after, cause).map((e) => [short(e.type), e.sequence]);

describe('the events of a change', () => {
  it('do not exist for the same state', () => expect(changes(structuredClone(ada.resource))).toEqual([]));

  it('are one for attributes, one for active, and two for both, each with its own sequence', () => {
    expect(changes({ ...ada.resource, title: 'Dr' })).toEqual([['user.updated', 8]]);
    expect(changes({ ...ada.resource, active: false })).toEqual([['user.deactivated', 8]]);
    expect(changes({ ...ada.resource, title: 'Dr', active: false })).toEqual([
      ['user.updated', 8],
      ['user.deactivated', 9],
    ]);
    expect(
      changeEvents({ ...ada, resource: { ...ada.resource, active: false } }, ada.resource, cause).map((e) =>
        short(e.type),
      ),
    ).toEqual(['user.reactivated']);
  });

  it('have the state after the change, the names of the changed attributes, and the cause', () => {
    const [event] = changeEvents(ada, { ...ada.resource, userName: 'ada2@x', active: false }, cause);
    expect(event).toMatchObject({
      tenant: 't1',
      subject: 'u1',
      causationId: 'r1',
      time: cause.at,
      data: { changed: ['userName'], user: { userName: 'ada2@x', active: false } },
    });
  });

  it('start at 1 and end with the final state', () => {
    expect(createdEvent(ada, cause)).toMatchObject({ sequence: 1 });
    expect(deletedEvent({ ...ada, version: 8 }, cause)).toMatchObject({ sequence: 8, data: { user: { id: 'u1' } } });
  });
});

describe('the state in an event', () => {
  it('has null for an unassigned attribute, and never the formatted name, which Okta does not update', () => {
    expect(directoryUser({ ...ada, resource: { userName: 'x', name: { formatted: 'Mona' } } })).toEqual({
      id: 'u1',
      userName: 'x',
      externalId: null,
      active: false,
      displayName: null,
      name: { givenName: null, familyName: null },
      email: null,
    });
  });

  it.each([
    [[{ value: 'a' }, { value: 'b', primary: true }], 'b'],
    [[{ value: '' }, { value: 'b' }], 'b'],
    [[{ primary: true }, { value: 'b' }], 'b'],
    [[], null],
  ])('has the primary e-mail address, else the first with a value: %j', (emails, expected) =>
    expect(emailOf({ userName: 'x', emails })).toBe(expected),
  );
});
