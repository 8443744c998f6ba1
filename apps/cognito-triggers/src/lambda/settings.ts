/**
 * What AWS Lambda gives a trigger. `ASSERTION_JWKS` is read when the function is loaded, so that a wrong value shows at
 * once. It is the one setting, and libs/platform would bring a database driver into every cold start: so it is read here.
 */
import { parseAssertionKeys } from '../assertion.js';
import type { TriggerLog } from '../log.js';

export const assertionKeys = () => parseAssertionKeys(process.env.ASSERTION_JWKS ?? '');

/** Lambda takes what is printed for its log. */
export const log: TriggerLog = (entry) => console.warn(JSON.stringify({ level: 'warn', ...entry }));
