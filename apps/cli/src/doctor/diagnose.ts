/**
 * Diagnoses the access of a person from known facts: one answer, and one line with the next step for each part of the
 * chain from Okta's push to the last sign-in. Calls no service.
 */
import { instant, type Refusal } from '#command-line';
import { reasonSentence } from '../accounts/sentences.js';
import { refusalSentence } from '../activity/sentences.js';
import { note } from '../activity/requests.js';
import { attempt, heldReason, STEPS } from '../offboarding/sentences.js';
import type { Facts } from './facts.js';

type Typed = (command: string) => string;

export interface Line {
  readonly part: string;
  readonly state: 'ok' | 'wrong' | 'unknown';
  readonly text: string;
  readonly next: string | null;
}

export interface Diagnosis {
  /** The answer, in one or two sentences. */
  readonly answer: string;
  /** Whether the person can get in. Null means that it is not known. */
  readonly getsIn: boolean | null;
  readonly lines: readonly Line[];
}

export function diagnose(facts: Facts, typed: Typed): Diagnosis {
  const lines = [
    okta(facts),
    settings(facts, typed),
    directory(facts),
    account(facts, typed),
    roles(facts, typed),
    cognito(facts, typed),
    access(facts, typed),
    offboardingCase(facts, typed),
    signIns(facts, typed),
    parkedEvents(facts, typed),
  ];
  const { getsIn, answer } = conclude(facts, lines);
  const unknown = lines.filter(({ state }) => state === 'unknown').map((line) => line.part.toLowerCase());
  return {
    answer: unknown.length === 0 ? answer : `${answer} Not known: ${unknown.join(', ')}.`,
    getsIn,
    lines,
  };
}

const ok = (part: string, text: string): Line => ({ part, state: 'ok', text, next: null });
const wrong = (part: string, text: string, next: string | null = null): Line => ({ part, state: 'wrong', text, next });
const unknown = (part: string, problem: Refusal): Line => ({
  part,
  state: 'unknown',
  text: problem.message,
  next: 'Repeat this command when the service answers.',
});

function okta({ requests, account, timeline }: Facts): Line {
  const part = "Okta's last push";
  if (requests.value === undefined) return unknown(part, requests.problem);
  const known = account.value ?? timeline.value?.person;
  const [last] = requests.value;
  const text = last && `${last.method} at ${instant(last.at)} was answered ${last.status}`;
  const said = last && note(last);
  if (!last) return ok(part, known ? 'No request in the log is about this person.' : 'No recent request was refused.');
  if (!known)
    return wrong(
      part,
      `The latest refused request of the tenant: ${text}${said ? `: ${said}` : ''}`,
      'See Dashboard -> Tasks in Okta, fix the cause, and repeat the push there.',
    );
  if (last.status < 400) return ok(part, `${text}.`);
  return wrong(
    part,
    `${text}${said ? `: ${said}` : '.'}`,
    'See Dashboard -> Tasks in Okta, and repeat the push there.',
  );
}

function settings({ settings: { value, problem }, tenant }: Facts, typed: Typed): Line {
  const part = 'Settings';
  if (value === undefined) return unknown(part, problem);
  const off = [
    value.settings.scimEnabled ? null : 'SCIM Enabled is off: Okta cannot push',
    value.settings.groupSync ? null : 'Group Sync is off: roles do not follow groups',
    value.settings.deactivateOnOffboard
      ? null
      : 'Deactivate on Offboard is off: people whom Okta deactivates keep access',
    value.settings.sso ? null : 'sign-in through Okta is not connected',
  ].filter((each) => each !== null);
  const text = `Version ${value.version}${off.length === 0 ? '' : `; ${off.join('; ')}`}.`;
  return off.length === 0 ? ok(part, text) : wrong(part, text, typed(`tenants show ${tenant.slug}`));
}

function directory({ timeline: { value, problem } }: Facts): Line {
  const part = 'Directory';
  if (value === undefined) return unknown(part, problem);
  if (value === null)
    return wrong(
      part,
      'Okta has not pushed this person.',
      'Assign the person to the StackFlow app in Okta. If they are assigned: Dashboard -> Tasks -> Retry Selected.',
    );
  const { person } = value;
  if (person.oktaState)
    return wrong(
      part,
      `Okta reports that the person is ${person.oktaState}, since ${instant(person.oktaStateAt, 'an unknown instant')}.`,
      person.oktaState === 'suspended' ? 'Unsuspend the person in Okta.' : 'Assign the person in Okta again.',
    );
  if (person.deleted) return wrong(part, 'The person was deleted.', 'Assign the person in Okta again.');
  if (!person.active) return wrong(part, 'Okta deactivated the person.', 'Assign the person in Okta again.');
  return ok(part, 'The person is active.');
}

function account({ account: { value, problem }, timeline }: Facts, typed: Typed): Line {
  const part = 'Account';
  if (value === undefined) return unknown(part, problem);
  if (value === null)
    return timeline.value
      ? wrong(
          part,
          'identity-service has no account yet, although the directory has the person.',
          typed('events parked'),
        )
      : wrong(part, 'There is no account.');
  const text = `${value.status} (${value.id}), Okta user id ${value.externalId ?? 'missing'}.`;
  if (value.status !== 'active') return wrong(part, text);
  return value.externalId === null
    ? wrong(part, text, 'Push the person again in Okta; sign-in needs the Okta user id.')
    : ok(part, text);
}

function roles({ explanation: { value, problem }, account: found }: Facts, typed: Typed): Line {
  const part = 'Roles';
  if (value === undefined) return unknown(part, problem);
  if (value === null) return wrong(part, 'There is no account, so there are no roles.');
  const sentences = value.reasons
    .filter(({ code }) => !code.startsWith('cognito_') && code !== 'email_left_out')
    .map((reason) => reasonSentence(reason, found.value?.userName ?? '', typed));
  const held = value.reasons.some(({ code }) => code === 'loss_held');
  const fine = (value.account.roles.length > 0 || value.account.status !== 'active') && !held;
  return fine
    ? ok(part, sentences.join(' '))
    : wrong(part, sentences.join(' '), typed('accounts explain') + ` ${value.account.userName}`);
}

function cognito({ account: { value, problem }, explanation }: Facts, typed: Typed): Line {
  const part = 'Cognito';
  if (value === undefined) return unknown(part, problem);
  if (value === null) return wrong(part, 'Cognito does not have the person.');
  const reasons =
    explanation.value?.reasons.filter(({ code }) => code.startsWith('cognito_') || code === 'email_left_out') ?? [];
  const text = reasons.map((reason) => reasonSentence(reason, value.userName, typed)).join(' ');
  if (value.cognito.state === 'synced')
    return ok(
      part,
      `The Cognito user matched the account at ${instant(value.cognito.syncedAt)}.${text ? ` ${text}` : ''}`,
    );
  return wrong(part, text || value.cognito.state, typed(`accounts retry ${value.userName}`));
}

function access({ timeline: { value, problem } }: Facts, typed: Typed): Line {
  const part = 'Access';
  if (value === undefined) return unknown(part, problem);
  if (value === null) return wrong(part, 'This person was never given access.');
  const { person } = value;
  const fence = person.notBefore ? ` Access tokens issued before ${instant(person.notBefore)} are refused.` : '';
  const published = person.publishedStatus === null ? 'not published yet' : `published as ${person.publishedStatus}`;
  // Cognito is read back only after a change of access, so the actual state of a person who never lost access is null.
  const untouched = person.actualAccess === null && person.desiredAccess === 'enabled' && person.nextAttemptAt === null;
  const actual = person.actualAccess ?? (untouched ? 'as created' : 'unknown');
  const text = `Cognito access: desired ${person.desiredAccess}, actual ${actual}; ${published}.${fence}`;
  const same = !person.provisioned || untouched || person.actualAccess === person.desiredAccess;
  if (person.lastError)
    return wrong(part, `${text} Last error: ${attempt(person)}`, typed(`offboarding retry ${person.userName}`));
  if (!same) return wrong(part, text, typed(`offboarding retry ${person.userName}`));
  return person.desiredAccess === 'enabled' && person.publishedStatus === 'active' ? ok(part, text) : wrong(part, text);
}

function offboardingCase({ timeline: { value, problem } }: Facts, typed: Typed): Line {
  const part = 'Offboarding';
  if (value === undefined) return unknown(part, problem);
  const [latest] = value?.cases ?? [];
  const { person } = value ?? {};
  if (!latest)
    return person && !person.active && !person.deleted && person.desiredAccess === 'enabled'
      ? wrong(
          part,
          'Okta deactivated the person, but no case was opened, because "Deactivate on Offboard" was off at that time.',
          typed('tenants configure --deactivate-on-offboard on'),
        )
      : ok(part, 'There is no case.');
  const text = `Case ${latest.id} is ${latest.state}, because of ${latest.cause} at ${instant(latest.timings.pushedAt)}`;
  if (latest.state === 'held')
    return wrong(
      part,
      `${text}; held: ${heldReason(latest.heldBecause)}.`,
      typed(`offboarding release ${latest.userName}`),
    );
  if (latest.state === 'running') {
    const open = STEPS.filter(([, timing]) => latest.timings[timing] === null).map(([name]) => name);
    return wrong(
      part,
      `${text}; still open: ${open.join(', ') || 'nothing'}.`,
      typed(`offboarding show ${latest.userName}`),
    );
  }
  return ok(part, `${text}.`);
}

function signIns({ signIns: { value, problem } }: Facts, typed: Typed): Line {
  const part = 'Sign-in';
  if (value === undefined) return unknown(part, problem);
  const last = value.find(({ event }) => event === 'login' || event === 'login_refused');
  if (!last) return ok(part, 'The person has not tried to sign in.');
  if (last.event === 'login') return ok(part, `The last sign-in succeeded at ${instant(last.at)}.`);
  const count = value.findIndex(({ event }) => event === 'login');
  const times = (count < 0 ? value : value.slice(0, count)).filter(({ event }) => event === 'login_refused').length;
  return wrong(
    part,
    `Refused at ${instant(last.at)}${times > 1 ? ` (${times} times since the last success)` : ''}: ${last.code ?? 'unknown'}, ${refusalSentence(last.code, typed) ?? ''}.`,
    typed('audit') + (last.account === null ? ' --event login_refused' : ` ${last.account}`),
  );
}

function parkedEvents({ parked: { value, problem } }: Facts, typed: Typed): Line {
  const part = 'Events';
  if (value === undefined) return unknown(part, problem);
  const [first] = value;
  if (!first) return ok(part, 'No event of this person is parked.');
  const list = value.map((key) => `${key.group} (${key.topic}): ${key.error ?? 'replay'}`).join('; ');
  return wrong(
    part,
    `Events of this person are parked, so other parts may be out of date: ${list}`,
    typed(`events retry ${first.group} ${first.key}`),
  );
}

/** Chooses the answer. Earlier parts of the chain are checked first, because later parts depend on them. */
function conclude(facts: Facts, lines: readonly Line[]): { answer: string; getsIn: boolean | null } {
  const name = facts.account.value?.userName ?? facts.timeline.value?.person.userName ?? facts.who;
  const of = (part: string): Line | undefined => lines.find((line) => line.part === part && line.state === 'wrong');
  const cannot = (why: string) => ({ answer: `${name} cannot get in: ${why}`, getsIn: false });
  const person = facts.timeline.value?.person;
  const latest = facts.timeline.value?.cases[0];
  const neither = facts.account.value === null && facts.timeline.value === null;
  if (neither) return cannot(`${of('Directory')?.text ?? 'there is no account.'}`);
  if (person && (!person.active || person.deleted || person.oktaState)) {
    if (latest?.state === 'held')
      return {
        answer: `${name} still gets in, although Okta took the access away, because the brake holds the case.`,
        getsIn: true,
      };
    if (person.desiredAccess === 'enabled')
      return {
        answer: `${name} still gets in, although Okta took the access away. ${of('Offboarding')?.text ?? ''}`.trim(),
        getsIn: true,
      };
    if (latest?.state === 'running')
      return {
        answer: `${name} is losing access at this moment. ${of('Offboarding')?.text ?? ''}`.trim(),
        getsIn: null,
      };
    return cannot(of('Directory')?.text ?? 'Okta took the access away.');
  }
  if (facts.account.value && facts.account.value.status !== 'active')
    return cannot(`the account is ${facts.account.value.status}.`);
  if (facts.settings.value && !facts.settings.value.settings.sso)
    return cannot('sign-in through Okta is not connected.');
  const access = of('Access');
  if (person && (person.desiredAccess === 'disabled' || person.actualAccess === 'disabled'))
    return cannot(access?.text ?? '');
  if (facts.account.value && !person?.provisioned && of('Cognito')) return cannot(of('Cognito')?.text ?? '');
  if (of('Sign-in')) return cannot(`the last sign-in was refused. ${of('Sign-in')?.text ?? ''}`);
  if (facts.account.value === undefined || facts.timeline.value === undefined)
    return { answer: `It is not known whether ${name} can get in.`, getsIn: null };
  const had = facts.account.value?.roles ?? [];
  const role = had.length === 0 ? 'can get in, but has no role' : `can get in and has ${had.join(', ')}`;
  const late = of('Cognito') ?? of('Events') ?? of('Roles');
  return { answer: `${name} ${role}.${late ? ` ${late.text}` : ''}`, getsIn: true };
}
