/** Parses the body of a Universal Logout, a subject identifier (RFC 9493). Pure functions only. */
import { z } from 'zod';
import { LogoutError } from './logout-error.js';

const text = z.string().min(1).max(512);
const subject = z.discriminatedUnion('format', [
  z.object({ format: z.literal('iss_sub'), iss: text, sub: text }),
  z.object({ format: z.literal('email'), email: text }),
]);
export type LogoutSubject = z.infer<typeof subject>;

/** The Global Token Revocation draft names the member `sub_id`. Okta's older documentation names it `subject`. */
const body = z.union([
  z.object({ sub_id: subject, subject: z.undefined().optional() }),
  z.object({ subject, sub_id: z.undefined().optional() }),
]);

/** Returns the subject. Throws a `LogoutError` with the code `malformed`. */
export function parseLogoutSubject(given: unknown): LogoutSubject {
  const parsed = body.safeParse(given);
  const found = parsed.data?.sub_id ?? parsed.data?.subject;
  // Postgres cannot store the character U+0000, so no id or address of a person contains it.
  if (!found || Object.values(found).some((value) => value.includes('\0')))
    throw new LogoutError(
      'malformed',
      'The body must be JSON with one "sub_id" of the format "iss_sub" (iss, sub) or "email" (email).',
    );
  return found;
}
