/**
 * The setting and the log of a trigger in AWS Lambda. `ASSERTION_JWKS` is read when the function is loaded, so a wrong value
 * fails at once. It is read here because libs/platform would add a database driver to every cold start.
 */
import { parseAssertionKeys } from '../assertion.js';
import type { TriggerLog } from '../log.js';

export const assertionKeys = () => parseAssertionKeys(process.env.ASSERTION_JWKS ?? '');

/** Lambda writes printed lines to its log. */
export const log: TriggerLog = (entry) => console.warn(JSON.stringify({ level: 'warn', ...entry }));
