import { z } from 'zod';
import { parseJson } from './json.js';

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? null);

export const oktaUser = z.object({
  id: z.string().min(1),
  /**
   * STAGED, PROVISIONED, ACTIVE, RECOVERY, PASSWORD_EXPIRED, LOCKED_OUT, SUSPENDED or DEPROVISIONED. Okta may add more.
   */
  status: z.string().min(1),
  statusChanged: text,
  lastUpdated: text,
  profile: z.object({ login: z.string(), email: text, firstName: text, lastName: text, displayName: text }),
});
export type OktaUser = Readonly<z.output<typeof oktaUser>>;

/**
 * An assignment of the app. It does not show whether the person is suspended: read the user, or list the users with
 * `status eq "SUSPENDED"`.
 */
export const oktaAppUser = z
  .object({
    id: z.string().min(1),
    externalId: text,
    status: z.string().min(1),
    scope: text,
    syncState: text,
    lastUpdated: text,
    credentials: z.object({ userName: text }).nullish(),
  })
  .transform(({ credentials, ...user }) => ({
    id: user.id,
    /** The user's id in our SCIM API; null until the user is provisioned. */
    externalId: user.externalId,
    status: user.status,
    /** How the app is assigned: `USER` (directly) or `GROUP`. */
    scope: user.scope,
    syncState: user.syncState,
    lastUpdated: user.lastUpdated,
    userName: credentials?.userName ?? null,
  }));
export type OktaAppUser = Readonly<z.output<typeof oktaAppUser>>;

const errorBody = z.object({ errorCode: z.string().regex(/^E\d{7}$/) });

/** Returns Okta's own code in the body of a refusal, or null if the body is not from Okta. */
export function errorCodeIn(body: string): string | null {
  const parsed = errorBody.safeParse(parseJson(body));
  return parsed.success ? parsed.data.errorCode : null;
}
