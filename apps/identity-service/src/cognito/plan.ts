/** Derives the state that Cognito should have for an account, and the calls that lead to it. Pure functions only. */
import type { Attributes } from '#cognito';
import type { AccountEntity, PoolState } from '../accounts/account.entity.js';
import type { Profile } from '../directory/profile.entity.js';

export const ABSENT: PoolState = { exists: false, confirmed: false, attributes: {}, groups: [] };

export type DesiredAccount = Readonly<Profile> &
  Pick<AccountEntity, 'id' | 'tenant' | 'status' | 'roles'> & {
    /** Whether Cognito ever had this user. Such a user is ours, whatever its attributes are now. */
    readonly provisioned: boolean;
    /** Whether the person is erased, so that Cognito must no longer have the user. */
    readonly erased: boolean;
  };

/** The only attributes that this service changes. The pool must declare the custom ones as mutable strings. */
export const OWN_ATTRIBUTES = [
  'email',
  'preferred_username',
  'name',
  'given_name',
  'family_name',
  'custom:tenant_id',
  'custom:external_id',
  'custom:role',
] as const;

/** Cognito's limit for a string attribute. */
const MAX_LENGTH = 2048;

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const ADDRESS = new RegExp(`^(?=.{1,64}@)${ATOM}(?:\\.${ATOM})*@(?:${LABEL}\\.)+${LABEL}$`);

/**
 * Returns whether Cognito certainly accepts the address: an ASCII dot-atom (RFC 5321). SCIM accepts any text, but
 * Cognito would refuse the whole user because of one invalid address. Such an address is left out.
 */
export const fitsCognito = (email: string): boolean => email.length <= 254 && ADDRESS.test(email);

/** Returns the attributes without blank values, because a blank value means "delete" in Cognito. */
export function desiredAttributes(account: DesiredAccount): Attributes {
  const email = account.email !== null && fitsCognito(account.email) ? account.email : null;
  const values: Record<(typeof OWN_ATTRIBUTES)[number], string | null> = {
    // Never with `email_verified`: one tenant may assert an address of another, so no service may trust it.
    email,
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
  | { readonly do: 'confirm' | 'delete' };

/**
 * Returns the calls in their order: reductions of access first, gains last. No user is created for a person without
 * access. The user of a removed account stays, without groups, until the person is erased; only deactivation-worker may
 * disable it. Attributes come
 * after roles, so that a refused attribute does not prevent a role. A changed tenant id comes before roles, because
 * roles count within a tenant.
 */
export function planSteps(account: DesiredAccount, actual: PoolState): Step[] {
  if (account.erased) return actual.exists ? [{ do: 'delete' }] : [];
  if (!actual.exists && account.status !== 'active') return [];
  const desired = desiredAttributes(account);
  const steps: Step[] = actual.groups
    .filter((group) => !account.roles.includes(group))
    .map((group) => ({ do: 'leave', group }));
  const attributes = actual.exists ? differingAttributes(desired, actual.attributes) : {};
  const update: Step[] = Object.keys(attributes).length > 0 ? [{ do: 'update', attributes }] : [];
  const tenantFirst = 'custom:tenant_id' in attributes;
  if (!actual.exists) steps.push({ do: 'create', attributes: desired });
  if (tenantFirst) steps.push(...update);
  if (!actual.confirmed) steps.push({ do: 'confirm' });
  const missing = account.roles.filter((role) => !actual.groups.includes(role));
  steps.push(...missing.map((group) => ({ do: 'join', group }) as const));
  return tenantFirst ? steps : [...steps, ...update];
}

/** Returns the new values, and a blank for each attribute to delete. */
function differingAttributes(desired: Attributes, actual: Attributes): Attributes {
  const names = OWN_ATTRIBUTES.filter((name) => (desired[name] ?? '') !== (actual[name] ?? ''));
  return Object.fromEntries(names.map((name) => [name, desired[name] ?? '']));
}

/** Returns the state in Cognito after a step that succeeded. */
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
    case 'delete':
      return ABSENT;
  }
}

/** Reduces the user that was read from Cognito to the attributes and groups that this service owns. */
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
