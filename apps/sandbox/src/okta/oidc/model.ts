import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

export const serverIds = ['org', 'default'] as const;
/**
 * `org` is the authorization server of the org itself, for sign-in. `default` is the custom authorization server, whose
 * access tokens are for APIs.
 */
export type ServerId = (typeof serverIds)[number];

const uri = z.url({ protocol: /^https?$/ }).refine((u) => !u.includes('#'), 'must have no fragment');
const publicJwk = z
  .looseObject({ kty: z.enum(['RSA', 'EC']) })
  .refine((k) => !('d' in k), 'must be a public key, but it is a private key');

/** The settings that an administrator makes for a client. */
export const clientSettings = z.object({
  /** Permitted redirect URIs. They are compared character by character. */
  redirectUris: z.array(uri).min(1).max(50),
  postLogoutRedirectUris: z.array(uri).max(50).default([]),
  grantTypes: z.array(z.enum(['authorization_code'])).default(['authorization_code']),
  /** Whether an access policy of the `default` server permits this client. A new Okta org has no such policy. */
  accessPolicy: z.boolean().default(true),
  /** Custom scopes that the client may request from the `default` server. The org server has none. */
  customScopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/))
    .max(50)
    .default([]),
  /** Prefix of the groups in the `groups` claim. Null means that the app has no such claim, which is Okta's default. */
  groupsFilter: z.string().max(200).nullable().default(null),
  /** Whether ID tokens state that a second factor was used. The sandbox never asks for one. */
  mfa: z.boolean().default(false),
  /** A client with keys authenticates with `private_key_jwt` and has no secret. */
  jwks: z
    .object({ keys: z.array(publicJwk).min(1).max(10) })
    .nullable()
    .default(null),
});
export type ClientSettings = z.output<typeof clientSettings>;

export interface Client {
  /** `0oa...` */
  readonly clientId: string;
  /** The tenant whose org the client belongs to. Only people of this org can sign in. */
  readonly slug: string;
  /** `00o...` */
  readonly orgId: string;
  readonly label: string;
  readonly secret: string | null;
  readonly settings: ClientSettings;
}

/** An authorization request that passed every check. */
export interface AuthorizationRequest {
  readonly server: ServerId;
  readonly redirectUri: string;
  readonly state: string;
  readonly scopes: readonly string[];
  readonly nonce: string | null;
  readonly codeChallenge: string;
}

/** The data of a sign-in from which its tokens are made. */
export interface Grant {
  readonly server: ServerId;
  readonly personId: string;
  readonly scopes: readonly string[];
  readonly nonce: string | null;
  /** Time of the sign-in in seconds since the epoch. */
  readonly authTime: number;
}

/** The grant that a code gives. To redeem the code, the client must send this redirect URI and the PKCE verifier. */
export interface CodeGrant extends Grant {
  readonly redirectUri: string;
  readonly codeChallenge: string;
}

/** 256 random bits for cookies, codes and state tokens. */
export const randomSecret = (): string => randomBytes(32).toString('base64url');

/** Hashes a secret. The database stores only this hash. */
export const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

export const seconds = (at: Date | number): number => Math.floor(Number(at) / 1000);
