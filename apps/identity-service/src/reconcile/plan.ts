/** What Cognito should hold for an account, and the calls that lead there from what it holds. Pure. */
import type { Attributes } from '#cognito';
import type { AccountStatus } from '../roles/transition.js';

/** What a pool holds of one user, as far as it is ours. */
export interface PoolState {
  readonly exists: boolean;
  /** A permanent password is set, so the status is CONFIRMED. */
  readonly confirmed: boolean;
  readonly attributes: Attributes;
  /** Groups that are roles; others in the pool are none of our business. */
  readonly groups: readonly string[];
}

export const ABSENT: PoolState = { exists: false, confirmed: false, attributes: {}, groups: [] };

export interface DesiredAccount {
  readonly id: string;
  readonly tenant: string;
  readonly status: AccountStatus;
  readonly userName: string;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly displayName: string | null;
  readonly givenName: string | null;
  readonly familyName: string | null;
  /** Cognito had the user once, and it was ours. */
  readonly provisioned: boolean;
  /** In effect, strongest first. */
  readonly roles: readonly string[];
}

/**
 * The attributes that we own; every other one of the user is left alone. The pool must declare the custom ones
 * (String, mutable): `tenant_id`, `external_id`, `role`. The others are standard.
 */
export const OWN_ATTRIBUTES = [
  'email',
  'email_verified',
  'preferred_username',
  'name',
  'given_name',
  'family_name',
  'custom:tenant_id',
  'custom:external_id',
  'custom:role',
] as const;

/** Cognito's own limit of a string attribute. */
const MAX_LENGTH = 2048;

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const ADDRESS = new RegExp(`^(?=.{1,64}@)${ATOM}(?:\\.${ATOM})*@(?:${LABEL}\\.)+${LABEL}$`);

/**
 * Whether Cognito takes the address for sure: an ASCII dot-atom (RFC 5321). SCIM takes any text, Cognito refuses a whole
 * user because of it; so one that is in doubt stays out, and the person gets the account and its roles.
 */
export const fitsCognito = (email: string): boolean => email.length <= 254 && ADDRESS.test(email);

/** Without blanks: Cognito takes a blank value for "delete". */
export function desiredAttributes(account: DesiredAccount): Attributes {
  const email = account.email !== null && fitsCognito(account.email) ? account.email : null;
  const values: Record<(typeof OWN_ATTRIBUTES)[number], string | null> = {
    email,
    // The tenant's identity provider vouches for its people's addresses. Nobody may link accounts by it all the same.
    email_verified: email ? 'true' : null,
    preferred_username: account.userName,
    name: account.displayName ?? ([account.givenName, account.familyName].filter(Boolean).join(' ') || null),
    given_name: account.givenName,
    family_name: account.familyName,
    'custom:tenant_id': account.tenant,
    'custom:external_id': account.externalId,
    'custom:role': account.roles[0] ?? null,
  };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value ? [[name, value.slice(0, MAX_LENGTH)]] : [])),
  );
}

export type Step =
  | { readonly do: 'leave' | 'join'; readonly group: string }
  | { readonly do: 'create' | 'update'; readonly attributes: Attributes }
  | { readonly do: 'confirm' };

/**
 * The calls in their order: access is reduced first and added last. A person who has no access yet is not created at
 * all; one who was removed keeps the user without groups (disabling or deleting it belongs to the deactivation-worker).
 * Attributes that Cognito refuses stand in the way of no role, except the tenant: roles count within it (P4).
 */
export function planSteps(account: DesiredAccount, actual: PoolState): Step[] {
  if (!actual.exists && account.status !== 'active') return [];
  const wanted = desiredAttributes(account);
  const steps: Step[] = actual.groups
    .filter((group) => !account.roles.includes(group))
    .map((group) => ({ do: 'leave', group }));
  const attributes = actual.exists ? differingAttributes(wanted, actual.attributes) : {};
  const update: Step[] = Object.keys(attributes).length > 0 ? [{ do: 'update', attributes }] : [];
  const tenantFirst = 'custom:tenant_id' in attributes;
  if (!actual.exists) steps.push({ do: 'create', attributes: wanted });
  if (tenantFirst) steps.push(...update);
  if (!actual.confirmed) steps.push({ do: 'confirm' });
  const missing = account.roles.filter((role) => !actual.groups.includes(role));
  steps.push(...missing.map((group) => ({ do: 'join', group }) as const));
  return tenantFirst ? steps : [...steps, ...update];
}

/**
 * What to write: new values, and a blank for what has to go. Only a flag cannot be blank: `email_verified` stays as it
 * is when the address goes, where it means nothing.
 */
function differingAttributes(wanted: Attributes, actual: Attributes): Attributes {
  const names = OWN_ATTRIBUTES.filter(
    (name) =>
      (wanted[name] ?? '') !== (actual[name] ?? '') && (name !== 'email_verified' || wanted.email !== undefined),
  );
  return Object.fromEntries(names.map((name) => [name, wanted[name] ?? '']));
}

/** The pool's state after a step that succeeded. */
export function afterStep(state: PoolState, step: Step): PoolState {
  switch (step.do) {
    case 'leave':
      return { ...state, groups: state.groups.filter((group) => group !== step.group) };
    case 'join':
      return { ...state, groups: [...state.groups, step.group] };
    case 'create':
      return { exists: true, confirmed: false, attributes: step.attributes, groups: [] };
    case 'update':
      return { ...state, attributes: withoutBlanks({ ...state.attributes, ...step.attributes }) };
    case 'confirm':
      return { ...state, confirmed: true };
  }
}

/** Reduces what Cognito answers to what is ours. */
export function ownState(
  user: { readonly attributes: Attributes; readonly status: string } | null,
  groups: readonly string[],
  knownRoles: ReadonlySet<string>,
): PoolState {
  if (!user) return ABSENT;
  const attributes = Object.fromEntries(OWN_ATTRIBUTES.map((name) => [name, user.attributes[name] ?? '']));
  return {
    exists: true,
    confirmed: user.status !== 'FORCE_CHANGE_PASSWORD',
    attributes: withoutBlanks(attributes),
    groups: groups.filter((group) => knownRoles.has(group)),
  };
}

const withoutBlanks = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));
