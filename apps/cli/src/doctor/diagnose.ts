/** Concludes from collected facts whether a person can get in, and why. Calls no service. */
import { instant, type Typed } from '#command-line';
import type { Reason } from '#contracts';
import { reasonSentence } from '../accounts/sentences.js';
import { refusalSentence } from '../activity/sentences.js';
import { note } from '../activity/requests.js';
import { attempt, heldReason, openSteps } from '../offboarding/sentences.js';
import type { Part } from '../services.js';
import type { Facts } from './facts.js';

export interface Line {
  readonly part: string;
  readonly state: 'ok' | 'wrong' | 'unknown';
  readonly text: string;
  readonly next: string | null;
}

export interface Diagnosis {
  readonly answer: string;
  /** Whether the person can get in. Null means that it is not known. */
  readonly getsIn: boolean | null;
  readonly lines: readonly Line[];
}

/** A text alone means that nothing is wrong. A pair means a fault: its text and, if known, the next step. */
type Finding = string | readonly [text: string, next?: string];
type Source = Exclude<keyof Facts, 'who' | 'tenant'>;
type Known<S extends Source> = Facts[S] extends Part<infer T> ? T : never;

/** Checks one part of the chain. The result is `unknown` if the service that knows the part does not answer. */
const check =
  <S extends Source>(part: string, source: S, find: (known: Known<S>, facts: Facts, typed: Typed) => Finding) =>
  (facts: Facts, typed: Typed): Line => {
    const { value, problem } = facts[source];
    if (problem)
      return { part, state: 'unknown', text: problem.message, next: 'Repeat this command when the service answers.' };
    const finding = find(value as Known<S>, facts, typed);
    if (typeof finding === 'string') return { part, state: 'ok', text: finding, next: null };
    return { part, state: 'wrong', text: finding[0], next: finding[1] ?? null };
  };

/** The checks, in order from Okta's push to the last sign-in. */
const CHAIN = [
  check("Okta's last push", 'requests', ([last], { account, timeline }) => {
    const known = account.value ?? timeline.value?.person;
    if (!last) return known ? 'No request in the log is about this person.' : 'No recent request was refused.';
    const text = `${last.method} at ${instant(last.at)} was answered ${last.status}`;
    const said = note(last);
    if (!known)
      return [
        `The latest refused request of the tenant: ${text}${said ? `: ${said}` : ''}`,
        'See Dashboard -> Tasks in Okta, fix the cause, and repeat the push there.',
      ];
    if (last.status < 400) return `${text}.`;
    return [`${text}${said ? `: ${said}` : '.'}`, 'See Dashboard -> Tasks in Okta, and repeat the push there.'];
  }),
  check('Settings', 'settings', ({ version, settings }, { tenant }, typed) => {
    const off = [
      !settings.scimEnabled && 'SCIM Enabled is off: Okta cannot push',
      !settings.groupSync && 'Group Sync is off: roles do not follow groups',
      !settings.deactivateOnOffboard && 'Deactivate on Offboard is off: people whom Okta deactivates keep access',
      !settings.sso && 'sign-in through Okta is not connected',
    ].filter((each) => each !== false);
    if (off.length === 0) return `Version ${version}.`;
    return [`Version ${version}; ${off.join('; ')}.`, typed(`tenants show ${tenant.slug}`)];
  }),
  check('Directory', 'timeline', (timeline) => {
    if (timeline === null)
      return [
        'Okta has not pushed this person.',
        'Assign the person to the StackFlow app in Okta. If they are already assigned, see Dashboard -> Tasks, and choose Retry Selected.',
      ];
    const { oktaState, oktaStateAt, deleted, active } = timeline.person;
    const again = 'Assign the person in Okta again.';
    if (oktaState)
      return [
        `Okta reports that the person is ${oktaState}, since ${instant(oktaStateAt, 'an unknown instant')}.`,
        oktaState === 'suspended' ? 'Unsuspend the person in Okta.' : again,
      ];
    if (deleted) return ['The person was deleted.', again];
    return active ? 'The person is active.' : ['Okta deactivated the person.', again];
  }),
  check('Account', 'account', (account, { timeline }, typed) => {
    if (account === null && !timeline.value) return ['There is no account.'];
    if (account === null)
      return ['identity-service has no account yet, although the directory has the person.', typed('events parked')];
    const text = `${account.status} (${account.id}), Okta user id ${account.externalId ?? 'missing'}.`;
    if (account.status !== 'active') return [text];
    return account.externalId === null
      ? [text, 'Push the person again in Okta; sign-in needs the Okta user id.']
      : text;
  }),
  check('Roles', 'explanation', (explanation, { account: found }, typed) => {
    if (explanation === null) return ['There is no account, so there are no roles.'];
    const { reasons, account } = explanation;
    const text = sentences(
      reasons.filter((reason) => !aboutCognito(reason)),
      found.value?.userName ?? '',
      typed,
    );
    const held = reasons.some(({ code }) => code === 'loss_held');
    const fine = (account.roles.length > 0 || account.status !== 'active') && !held;
    return fine ? text : [text, typed('accounts explain') + ` ${account.userName}`];
  }),
  check('Cognito', 'account', (account, { explanation }, typed) => {
    if (account === null) return ['Cognito does not have the person.'];
    const { cognito, userName } = account;
    const text = sentences(explanation.value?.reasons.filter(aboutCognito) ?? [], userName, typed);
    if (cognito.state !== 'synced') return [text || cognito.state, typed(`accounts retry ${userName}`)];
    return `The Cognito user matched the account at ${instant(cognito.syncedAt)}.${text ? ` ${text}` : ''}`;
  }),
  check('Access', 'timeline', (timeline, _, typed) => {
    if (timeline === null) return ['This person was never given access.'];
    const { person } = timeline;
    const fence = person.notBefore ? ` Access tokens issued before ${instant(person.notBefore)} are refused.` : '';
    const published = person.publishedStatus === null ? 'not published yet' : `published as ${person.publishedStatus}`;
    const enabled = person.desiredAccess === 'enabled';
    // The actual state of a person who never lost access is null, because only a change of access makes us read Cognito.
    const untouched = person.actualAccess === null && enabled && person.nextAttemptAt === null;
    const actual = person.actualAccess ?? (untouched ? 'as created' : 'unknown');
    const text = `Cognito access: desired ${person.desiredAccess}, actual ${actual}; ${published}.${fence}`;
    const same = !person.provisioned || untouched || person.actualAccess === person.desiredAccess;
    const retry = typed(`offboarding retry ${person.userName}`);
    if (person.lastError) return [`${text} Last error: ${attempt(person)}`, retry];
    if (!same) return [text, retry];
    return enabled && person.publishedStatus === 'active' ? text : [text];
  }),
  check('Offboarding', 'timeline', (timeline, _, typed) => {
    const latest = timeline?.cases[0];
    const person = timeline?.person;
    if (!latest)
      return person && !person.active && !person.deleted && person.desiredAccess === 'enabled'
        ? [
            'Okta deactivated the person, but no case was opened, because "Deactivate on Offboard" was off at that time.',
            typed('tenants configure --deactivate-on-offboard on'),
          ]
        : 'There is no case.';
    const { id, state, cause, timings, heldBecause, userName } = latest;
    const text = `Case ${id} is ${state}, because of ${cause} at ${instant(timings.pushedAt)}`;
    if (state === 'held')
      return [`${text}; held: ${heldReason(heldBecause)}.`, typed(`offboarding release ${userName}`)];
    if (state !== 'running') return `${text}.`;
    return [
      `${text}; still open: ${openSteps(latest).join(', ') || 'nothing'}.`,
      typed(`offboarding show ${userName}`),
    ];
  }),
  check('Sign-in', 'signIns', (signIns, _, typed) => {
    const last = signIns.find(({ event }) => event === 'login' || event === 'login_refused');
    if (!last) return 'The person has not tried to sign in.';
    if (last.event === 'login') return `The last sign-in succeeded at ${instant(last.at)}.`;
    const success = signIns.findIndex(({ event }) => event === 'login');
    const since = success < 0 ? signIns : signIns.slice(0, success);
    const times = since.filter(({ event }) => event === 'login_refused').length;
    return [
      `Refused at ${instant(last.at)}${times > 1 ? ` (${times} times since the last success)` : ''}: ${last.code ?? 'unknown'}, ${refusalSentence(last.code, typed) ?? ''}.`,
      typed('audit') + (last.account === null ? ' --event login_refused' : ` ${last.account}`),
    ];
  }),
  check('Events', 'parked', (parked, _, typed) => {
    const [first] = parked;
    if (!first) return 'No event of this person is parked.';
    const list = parked.map((key) => `${key.group} (${key.topic}): ${key.error ?? 'replay'}`).join('; ');
    return [
      `Events of this person are parked, so other parts may be out of date: ${list}`,
      typed(`events retry ${first.group} ${first.key}`),
    ];
  }),
];

const aboutCognito = ({ code }: Reason): boolean => code.startsWith('cognito_') || code === 'email_left_out';

const sentences = (reasons: readonly Reason[], userName: string, typed: Typed): string =>
  reasons.map((reason) => reasonSentence(reason, userName, typed)).join(' ');

export function diagnose(facts: Facts, typed: Typed): Diagnosis {
  const lines = CHAIN.map((link) => link(facts, typed));
  const { getsIn, answer } = conclude(facts, lines);
  const unknown = lines.filter(({ state }) => state === 'unknown').map((line) => line.part.toLowerCase());
  return { answer: unknown.length === 0 ? answer : `${answer} Not known: ${unknown.join(', ')}.`, getsIn, lines };
}

/** Draws the conclusion from the checks. Earlier checks decide first, because later checks depend on them. */
function conclude(facts: Facts, lines: readonly Line[]): Pick<Diagnosis, 'answer' | 'getsIn'> {
  const account = facts.account.value;
  const timeline = facts.timeline.value;
  const person = timeline?.person;
  const name = account?.userName ?? person?.userName ?? facts.who;
  const wrong = (part: string): string | undefined =>
    lines.find((line) => line.part === part && line.state === 'wrong')?.text;
  const cannot = (why: string) => ({ answer: `${name} cannot get in: ${why}`, getsIn: false });
  if (account === null && timeline === null) return cannot(wrong('Directory') ?? 'there is no account.');
  if (person && (!person.active || person.deleted || person.oktaState)) {
    const state = timeline?.cases[0]?.state;
    const still = `${name} still gets in, although Okta took the access away`;
    const offboarding = wrong('Offboarding') ?? '';
    if (state === 'held') return { answer: `${still}, because the brake holds the case.`, getsIn: true };
    if (person.desiredAccess === 'enabled') return { answer: `${still}. ${offboarding}`.trim(), getsIn: true };
    if (state === 'running')
      return { answer: `${name} is losing access at this moment. ${offboarding}`.trim(), getsIn: null };
    return cannot(wrong('Directory') ?? 'Okta took the access away.');
  }
  if (account && account.status !== 'active') return cannot(`the account is ${account.status}.`);
  if (facts.settings.value && !facts.settings.value.settings.sso)
    return cannot('sign-in through Okta is not connected.');
  if (person && (person.desiredAccess === 'disabled' || person.actualAccess === 'disabled'))
    return cannot(wrong('Access') ?? '');
  const [cognito, signIn] = [wrong('Cognito'), wrong('Sign-in')];
  if (account && !person?.provisioned && cognito !== undefined) return cannot(cognito);
  if (signIn !== undefined) return cannot(`the last sign-in was refused. ${signIn}`);
  if (account === undefined || timeline === undefined)
    return { answer: `It is not known whether ${name} can get in.`, getsIn: null };
  const had = account?.roles ?? [];
  const role = had.length === 0 ? 'can get in, but has no role' : `can get in and has ${had.join(', ')}`;
  const late = cognito ?? wrong('Events') ?? wrong('Roles');
  return { answer: `${name} ${role}.${late === undefined ? '' : ` ${late}`}`, getsIn: true };
}
