/** Which calls lead from what Cognito holds to what it should hold, and their order. */
import fc from 'fast-check';
import type { PoolState } from '../accounts/account.entity.js';
import { ABSENT, afterStep, desiredAttributes, fitsCognito, ownState, planSteps, type DesiredAccount } from './plan.js';

const account: DesiredAccount = {
  id: 'u',
  tenant: 't',
  status: 'active',
  userName: 'Ada@x',
  externalId: '00u1',
  email: 'ada@example.com',
  displayName: 'Ada',
  givenName: 'Ada',
  familyName: 'L',
  provisioned: false,
  erased: false,
  roles: ['super_admin', 'viewer'],
};
const synced = (a: DesiredAccount): PoolState => ({
  exists: true,
  confirmed: true,
  attributes: desiredAttributes(a),
  groups: [...a.roles],
});

describe('the plan of calls', () => {
  it('creates, sets the password, then adds access', () => {
    expect(planSteps(account, ABSENT).map((s) => s.do)).toEqual(['create', 'confirm', 'join', 'join']);
  });

  it('takes access away before anything else', () => {
    const steps = planSteps({ ...account, displayName: 'New', roles: ['itsm_agent'] }, synced(account));
    expect(steps.map((s) => s.do)).toEqual(['leave', 'leave', 'join', 'update']);
  });

  it('repairs the tenant before it adds a role', () => {
    const strange = { ...synced(account), attributes: { 'custom:tenant_id': 'other' }, groups: [] };
    expect(planSteps(account, strange).map((s) => s.do)).toEqual(['update', 'join', 'join']);
  });

  it.each([
    ['a.b+c@sub.example.com', true],
    ["o'neil@example.co", true],
    ['no address', false],
    ['a@b@example.com', false],
    ['a..b@example.com', false],
    ['.a@example.com', false],
    ['a@localhost', false],
    ['a@-x.com', false],
    ['a@example.com\n', false],
    ['jürgen@example.com', false],
    [`${'a'.repeat(65)}@example.com`, false],
    ['', false],
  ])('an address like %j goes to Cognito: %p', (email, fits) => {
    expect(fitsCognito(email)).toBe(fits);
    expect(desiredAttributes({ ...account, email })).toEqual(
      fits ? expect.objectContaining({ email }) : expect.not.objectContaining({ email }),
    );
    expect(desiredAttributes({ ...account, email })).not.toHaveProperty('email_verified');
  });

  it('is empty when nothing differs, and creates no user for a person without access', () => {
    expect(planSteps(account, synced(account))).toEqual([]);
    for (const status of ['inactive', 'removed'] as const)
      expect(planSteps({ ...account, status, roles: [] }, ABSENT)).toEqual([]);
  });

  it('writes blanks for attributes to delete, and does not change attributes that are not ours', () => {
    const [step] = planSteps(
      { ...account, email: null, roles: [] },
      {
        ...synced({ ...account, roles: [] }),
        attributes: { ...desiredAttributes({ ...account, roles: ['viewer'] }) },
      },
    );
    expect(step).toEqual({ do: 'update', attributes: { email: '', 'custom:role': '' } });
  });

  it('deletes the user of an erased person, and makes no other call', () => {
    const erased: DesiredAccount = {
      ...account,
      status: 'removed',
      roles: [],
      userName: '',
      email: null,
      erased: true,
    };
    expect(planSteps(erased, synced(account))).toEqual([{ do: 'delete' }]);
    expect(planSteps(erased, afterStep(synced(account), { do: 'delete' }))).toEqual([]);
  });

  it('shortens a value that is longer than Cognito allows, because the update would fail for ever', () => {
    expect(desiredAttributes({ ...account, displayName: 'x'.repeat(3_000) }).name).toHaveLength(2_048);
  });

  it('ends in the desired state from any state, and is empty then', () => {
    const roles = fc.uniqueArray(fc.constantFrom('super_admin', 'itsm_manager', 'itsm_agent', 'viewer'));
    const text = fc.option(fc.string({ minLength: 1, maxLength: 5 }), { nil: null });
    const accounts = fc.record({
      status: fc.constantFrom<DesiredAccount['status']>('active', 'inactive', 'removed'),
      email: fc.oneof(text, fc.constantFrom('a@example.com', 'b@example.com')),
      displayName: text,
      givenName: text,
      externalId: text,
      roles,
    });
    const states = fc.record({
      exists: fc.boolean(),
      confirmed: fc.boolean(),
      groups: roles,
      attributes: fc.dictionary(
        fc.constantFrom('email', 'name', 'custom:role', 'custom:tenant_id'),
        fc.string({ minLength: 1, maxLength: 3 }),
      ),
    });
    fc.assert(
      fc.property(accounts, states, (change, any) => {
        const desired: DesiredAccount = { ...account, ...change, status: change.status };
        const from = any.exists ? any : ABSENT;
        const end = planSteps(desired, from).reduce(afterStep, from);
        expect(planSteps(desired, end)).toEqual([]);
        if (!end.exists) return;
        expect([...end.groups].sort()).toEqual([...desired.roles].sort());
        expect(end.attributes).toEqual(desiredAttributes(desired));
        expect(end.confirmed).toBe(true);
      }),
    );
  });
});

describe('the state that was read from Cognito', () => {
  it('has only the attributes and groups of this service', () => {
    const attributes = { email: 'a@x', sub: 's', 'custom:role': '', 'custom:tenant_id': 't', phone_number: '1' };
    const read = (status: string) => ownState({ attributes, status }, ['viewer', 'beta-testers'], new Set(['viewer']));
    expect(read('CONFIRMED')).toEqual({
      exists: true,
      confirmed: true,
      attributes: { email: 'a@x', 'custom:tenant_id': 't' },
      groups: ['viewer'],
    });
    expect(read('FORCE_CHANGE_PASSWORD').confirmed).toBe(false);
  });

  it('is absent without a user, whatever the groups are', () => {
    expect(ownState(null, ['viewer'], new Set(['viewer']))).toEqual(ABSENT);
  });
});
