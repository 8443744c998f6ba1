/** Clients, requests and grants of the OpenID provider. */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

export const serverIds = ['org', 'default'] as const;
/** `org`: the org's own authorization server, for sign-in. `default`: the custom server, whose access tokens are for APIs. */
export type ServerId = (typeof serverIds)[number];

const uri = z.url({ protocol: /^https?$/ }).refine((u) => !u.includes('#'), 'must have no fragment');
const publicJwk = z
  .looseObject({ kty: z.enum(['RSA', 'EC']) })
  .refine((k) => !('d' in k), 'must be a public key: it is the private one');

/** What an administrator sets of a client; Okta's defaults where it has one. */
export const clientSettings = z.object({
  /** Compared character by character. */
  redirectUris: z.array(uri).min(1).max(50),
  postLogoutRedirectUris: z.array(uri).max(50).default([]),
  grantTypes: z.array(z.enum(['authorization_code'])).default(['authorization_code']),
  /** Whether an access policy of the `default` server names this client; a fresh Okta org has none. */
  accessPolicy: z.boolean().default(true),
  /** Scopes that the `default` server knows beside OpenID's own. The org server has no custom scopes. */
  customScopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/))
    .max(50)
    .default([]),
  /** The `groups` claim holds the groups whose name begins so; null = the app has no groups claim, as with a new app. */
  groupsFilter: z.string().max(200).nullable().default(null),
  /** The sign-on policy of the app demands a second factor; the sign-in page pretends that there was one. */
  mfa: z.boolean().default(false),
  /** Then the client authenticates with `private_key_jwt` and has no secret. */
  jwks: z
    .object({ keys: z.array(publicJwk).min(1).max(10) })
    .nullable()
    .default(null),
});
export type ClientSettings = z.output<typeof clientSettings>;

export interface Client {
  /** `0oa...` */
  readonly clientId: string;
  /** The tenant whose org it belongs to: its people may sign in to it, nobody else's. */
  readonly slug: string;
  /** `00o...`, that org. */
  readonly orgId: string;
  readonly label: string;
  readonly secret: string | null;
  readonly settings: ClientSettings;
}

/** An authorization request that has passed every check. */
export interface AuthorizationRequest {
  readonly server: ServerId;
  readonly redirectUri: string;
  readonly state: string;
  readonly scopes: readonly string[];
  readonly nonce: string | null;
  readonly codeChallenge: string;
}

/** What tokens are made of. */
export interface Grant {
  readonly server: ServerId;
  readonly personId: string;
  readonly scopes: readonly string[];
  readonly nonce: string | null;
  /** Seconds since the epoch. */
  readonly authTime: number;
}

/** A code is good for this client, redirect URI and verifier only. */
export interface CodeGrant extends Grant {
  readonly redirectUri: string;
  readonly codeChallenge: string;
}

/** 256 bits for cookies, codes and state tokens. */
export const randomSecret = (): string => randomBytes(32).toString('base64url');

/** What the database keeps of them. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

export const seconds = (at: Date | number): number => Math.floor(Number(at) / 1000);
