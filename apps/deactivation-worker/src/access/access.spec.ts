import {
  consequences,
  desiredAccess,
  NO_CONSEQUENCES,
  type DesiredAccess,
  type PersonFacts,
  type PersonState,
} from './access.js';

const facts = (change: Partial<PersonFacts> = {}): PersonFacts => ({
  active: true,
  deleted: false,
  oktaState: null,
  ...change,
});
const person = (change: Partial<PersonState> = {}): PersonState => ({
  ...facts(),
  desiredAccess: 'enabled',
  roles: ['viewer'],
  provisioned: true,
  publishedStatus: 'active',
  publishedRoles: ['viewer'],
  ...change,
});

describe('the desired access of a person', () => {
  it.each<[Partial<PersonFacts>, boolean, DesiredAccess]>([
    [{}, true, 'enabled'],
    [{ active: false }, true, 'disabled'],
    [{ active: false }, false, 'unchanged'],
    [{ deleted: true }, false, 'disabled'],
    [{ oktaState: 'suspended' }, false, 'disabled'],
    [{ oktaState: 'unassigned', active: false }, false, 'disabled'],
  ])('for %j with "Deactivate on Offboard" %s is %s', (change, setting, desired) => {
    expect(desiredAccess(facts(change), setting)).toBe(desired);
  });
});

describe('the consequences for a person', () => {
  it('who has access and published roles are only that a pending case is discarded', () => {
    expect(consequences(person(), 'enabled', false)).toEqual({ ...NO_CONSEQUENCES, discardCase: true });
  });

  it('who is evaluated for the first time are published access, enabled or disabled, but no case', () => {
    const unseen: Partial<PersonState> = { publishedStatus: null, publishedRoles: [], desiredAccess: 'disabled' };
    expect(consequences(person(unseen), 'enabled', false)).toMatchObject({
      desiredAccess: 'enabled',
      publish: { status: 'active', roles: ['viewer'] },
      work: false,
    });
    expect(consequences(person({ ...unseen, active: false }), 'unchanged', false)).toMatchObject({
      desiredAccess: 'disabled',
      publish: { status: 'inactive', roles: [] },
      openCase: false,
      work: true,
      signOut: true,
    });
  });

  it.each([[['viewer', 'agent']], [['agent', 'viewer']], [['agent']], [[]]])(
    'whose roles become %j are that these roles are published',
    (roles) => {
      const publishedRoles = roles.length === 2 && roles[0] === 'agent' ? ['agent', 'admin'] : ['viewer'];
      expect(consequences(person({ roles, publishedRoles }), 'enabled', false)).toEqual({
        ...NO_CONSEQUENCES,
        discardCase: true,
        publish: { status: 'active', roles },
      });
    },
  );

  it('who gets access again are a sign-out only if Cognito may have a user that was never signed out', () => {
    const out = person({ desiredAccess: 'disabled', publishedStatus: 'inactive', publishedRoles: [] });
    const enabled = { ...NO_CONSEQUENCES, desiredAccess: 'enabled', work: true };
    expect(consequences(out, 'enabled', false)).toEqual({ ...enabled, signOut: false });
    expect(consequences({ ...out, provisioned: false }, 'enabled', false)).toEqual({ ...enabled, signOut: true });
  });

  it('who loses published access are a case and nothing else', () => {
    expect(consequences(person({ active: false }), 'disabled', false)).toEqual({ ...NO_CONSEQUENCES, openCase: true });
  });

  it('who loses access while it is being enabled come at once, because the fence is still in force', () => {
    const enabling = person({ publishedStatus: 'inactive', publishedRoles: [], active: false });
    const disabled = { ...NO_CONSEQUENCES, desiredAccess: 'disabled', work: true, signOut: true };
    expect(consequences(enabling, 'disabled', false)).toEqual(disabled);
    expect(consequences(enabling, 'unchanged', false)).toEqual(disabled);
    expect(consequences({ ...enabling, active: true }, 'enabled', false)).toEqual(NO_CONSEQUENCES);
  });

  it('without access: a removal is published; a new Cognito user, or access to enable, is work for the runner', () => {
    const out = person({ desiredAccess: 'disabled', publishedStatus: 'inactive', publishedRoles: [], active: false });
    expect(consequences(out, 'disabled', false)).toEqual(NO_CONSEQUENCES);
    expect(consequences(out, 'unchanged', false)).toEqual(NO_CONSEQUENCES);
    expect(consequences({ ...out, deleted: true }, 'disabled', false).publish).toEqual({
      status: 'removed',
      roles: [],
    });
    expect(consequences(out, 'disabled', true)).toMatchObject({ work: true, signOut: true, publish: null });
    expect(consequences({ ...out, active: true }, 'enabled', false)).toMatchObject({
      desiredAccess: 'enabled',
      work: true,
    });
  });
});
