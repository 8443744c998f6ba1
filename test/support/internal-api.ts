/** Callers of the internal APIs in tests. */
import { SCOPES, type Scope } from '#contracts';
import { acceptedCaller } from '#platform';

const SECRET = 'secret-of-a-caller-in-tests';

/** The credential of a caller, as the caller sends it. */
export const credentialOf = (caller: string): string => `${caller}.${SECRET}`;

/** The value of INTERNAL_API_CALLERS that accepts the callers. */
export const accepting = (names: readonly string[], scopes: readonly Scope[] = SCOPES): string =>
  names.map((name) => acceptedCaller(name, scopes, SECRET)).join(',');

/** The credential of the command line, which may do everything in tests. */
export const TOKEN = credentialOf('cli');
export const INTERNAL_API_CALLERS = accepting(['cli', 'auth-service', 'incident-service']);

/** The part of `secrets.json` from which the command line takes its credential. */
export const stackSecrets = JSON.stringify({ callers: { cli: SECRET } });
