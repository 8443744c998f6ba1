/** The body of a Universal Logout: a subject identifier (RFC 9493). Pure. */
import { z } from 'zod';
import { LogoutError } from './logout-error.js';

const text = z.string().min(1).max(512);
const subject = z.discriminatedUnion('format', [
  z.object({ format: z.literal('iss_sub'), iss: text, sub: text }),
  z.object({ format: z.literal('email'), email: text }),
]);
export type Subject = z.infer<typeof subject>;

/** `subject` is what Okta's pages called it before the draft said `sub_id`. */
const body = z.union([
  z.object({ sub_id: subject, subject: z.undefined().optional() }),
  z.object({ subject, sub_id: z.undefined().optional() }),
]);

/** Throws `malformed`. */
export function parseSubject(given: unknown): Subject {
  const parsed = body.safeParse(given);
  const found = parsed.data?.sub_id ?? parsed.data?.subject;
  // No text that Postgres could look up has the character 0.
  if (!found || Object.values(found).some((value) => value.includes('\0')))
    throw new LogoutError(
      'malformed',
      'The body must be JSON with one "sub_id" of the format "iss_sub" (iss, sub) or "email" (email).',
    );
  return found;
}
