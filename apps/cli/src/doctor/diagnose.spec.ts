import { Refusal } from '#command-line';
import { diagnose } from './diagnose.js';
import type { Facts } from './facts.js';

const AT = '2026-12-01T08:00:00.000Z';
const typed = (command: string): string => `stackflow ${command}`;

const account = {
  id: 'a1',
  tenant: 't1',
  userName: 'ada@example.com',
  externalId: '00u1',
  email: 'ada@example.com',
  status: 'active',
  roles: ['itsm_agent'],
  cognito: { state: 'synced', syncedAt: AT, warning: null, lastError: null },
};
const person = {
  account: 'a1',
  userName: 'ada@example.com',
  active: true,
  deleted: false,
  oktaState: null,
  provisioned: true,
  desiredAccess: 'enabled',
  actualAccess: 'enabled',
  publishedStatus: 'active',
  notBefore: null,
  lastError: null,
};
const gives = {
  code: 'has_roles',
  parameters: { roles: ['itsm_agent'], primaryRole: 'itsm_agent', mappingVersion: 3 },
};
const settings = {
  scimEnabled: true,
  groupSync: true,
  deactivateOnOffboard: true,
  sso: { issuer: 'x', clientId: 'y' },
};

/** Everything is as it should be, but for `change`. */
const facts = (change: Partial<Record<keyof Facts, unknown>> = {}): Facts =>
  ({
    who: 'ada@example.com',
    tenant: { id: 't1', slug: 'acme' },
    settings: { value: { version: 4, settings } },
    account: { value: account },
    explanation: { value: { account, reasons: [gives] } },
    timeline: { value: { person, cases: [] } },
    requests: { value: [{ method: 'PUT', at: AT, status: 200, detail: null, leftOutCount: 0, delivered: true }] },
    signIns: { value: [{ at: AT, event: 'login', code: null, account: 'a1', detail: {} }] },
    parked: { value: [] },
    ...change,
  }) as unknown as Facts;
const away = (service: string) => ({ problem: new Refusal(`${service} does not answer at http://x.`) });
const answerTo = (change: Partial<Record<keyof Facts, unknown>>) => diagnose(facts(change), typed);

it('says that a person gets in, with their roles, if every part is right', () => {
  const { answer, getsIn, lines } = answerTo({});
  expect([answer, getsIn]).toEqual(['ada@example.com can get in and has itsm_agent.', true]);
  expect(lines.map(({ state }) => state)).toEqual(Array(10).fill('ok'));
});

it('says that a person without an account was not pushed, with the refused request', () => {
  const refused = {
    method: 'POST',
    at: AT,
    status: 409,
    detail: 'userName is taken',
    leftOutCount: 0,
    delivered: true,
  };
  const none = { account: { value: null }, explanation: { value: null }, timeline: { value: null } };
  const { answer, getsIn, lines } = answerTo({ ...none, requests: { value: [refused] }, signIns: { value: [] } });
  expect([answer, getsIn]).toEqual(['ada@example.com cannot get in: Okta has not pushed this person.', false]);
  expect(lines[0]).toMatchObject({ state: 'wrong', text: expect.stringContaining('userName is taken') });
  expect(lines[2]?.next).toContain('Assign the person');
});

it.each([
  [
    'suspended in Okta',
    { oktaState: 'suspended', oktaStateAt: AT, desiredAccess: 'disabled', actualAccess: 'disabled' },
    'suspended',
  ],
  [
    'deactivated',
    { active: false, desiredAccess: 'disabled', actualAccess: 'disabled' },
    'Okta deactivated the person',
  ],
  ['not enabled in Cognito yet', { actualAccess: 'disabled' }, 'desired enabled, actual disabled'],
])('says that a person who is %s cannot get in', (_, change, sentence) => {
  const { answer, getsIn } = answerTo({ timeline: { value: { person: { ...person, ...change }, cases: [] } } });
  expect([answer, getsIn]).toEqual([expect.stringMatching(`^ada@example.com cannot get in: .*${sentence}`), false]);
});

it('says that a person still gets in while the brake holds the case, and how to release it', () => {
  const timings = { pushedAt: AT, heldAt: AT };
  const held = {
    id: 'c1',
    userName: 'ada@example.com',
    state: 'held',
    cause: 'user.deactivated',
    heldBecause: 'threshold',
    timings,
  };
  const { answer, getsIn, lines } = answerTo({
    timeline: { value: { person: { ...person, active: false }, cases: [held] } },
  });
  expect([answer, getsIn]).toEqual([expect.stringContaining('still gets in'), true]);
  expect(answer).toContain('the brake holds the case');
  expect(lines.find(({ part }) => part === 'Offboarding')?.next).toBe('stackflow offboarding release ada@example.com');
});

it('says that a person still gets in because Deactivate on Offboard was off', () => {
  const { answer, lines } = answerTo({
    settings: { value: { version: 4, settings: { ...settings, deactivateOnOffboard: false } } },
    timeline: { value: { person: { ...person, active: false }, cases: [] } },
  });
  expect(answer).toContain('still gets in');
  expect(answer).toContain('"Deactivate on Offboard" was off');
  expect(lines.find(({ part }) => part === 'Offboarding')?.next).toContain('--deactivate-on-offboard on');
});

it('says that a person has no role, and why', () => {
  const { answer } = answerTo({
    account: { value: { ...account, roles: [] } },
    explanation: {
      value: {
        account: { ...account, roles: [] },
        reasons: [{ code: 'no_mapped_group', parameters: { mappingVersion: 1 } }],
      },
    },
  });
  expect(answer).toMatch(/^ada@example.com can get in, but has no role\. No role: the user is in no pushed group/);
});

it('takes the last refusal of a sign-in as the answer, with its meaning', () => {
  const refusal = {
    at: AT,
    event: 'login_refused',
    code: 'other_okta_user',
    account: null,
    detail: { oktaSub: '00u9' },
  };
  const { answer, getsIn, lines } = answerTo({ signIns: { value: [refusal, refusal] } });
  expect(getsIn).toBe(false);
  expect(answer).toContain('the account of another Okta user');
  expect(lines.find(({ part }) => part === 'Sign-in')?.text).toContain('2 times');
});

it('names parked events, which make what follows out of date', () => {
  const key = { group: 'identity-service', topic: 'directory.users', key: 't1:a1', error: 'boom' };
  const { answer, lines } = answerTo({ parked: { value: [key] } });
  expect(answer).toContain('are parked');
  expect(lines.find(({ part }) => part === 'Events')?.next).toBe('stackflow events retry identity-service t1:a1');
});

it('answers with the parts that are known while a service is down, and names the others', () => {
  const worker = answerTo({ timeline: away('deactivation-worker') });
  expect(worker.answer).toBe(
    'It is not known whether ada@example.com can get in. Not known: directory, access, offboarding.',
  );
  expect(worker.getsIn).toBeNull();
  const hub = answerTo({ settings: away('integration-hub'), signIns: away('auth-service') });
  expect(hub.answer).toBe('ada@example.com can get in and has itsm_agent. Not known: settings, sign-in.');
});
