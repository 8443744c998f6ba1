/**
 * The keys and the log of a trigger in AWS Lambda. The keys are read when the function is loaded, so a wrong value
 * fails at once. Do not use libs/platform here: it would add a database driver to every cold start.
 */
import { parseAssertionKeys } from '../assertion.js';
import type { TriggerLog } from '../log.js';

export const assertionKeys = () => parseAssertionKeys(process.env.ASSERTION_JWKS ?? '');

/** Prints an entry as JSON. Lambda writes printed lines to its log. */
export const log: TriggerLog = (entry) => console.warn(JSON.stringify({ level: 'warn', ...entry }));
