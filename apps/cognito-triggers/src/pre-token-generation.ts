/**
 * PreTokenGeneration, event version 2: what our services read from an access token beside `cognito:groups`.
 *
 * Trusted are what identity-service wrote into the pool (groups, `custom:*`) and what auth-service signed. ClientMetadata
 * as such is not: it is unsigned, and in GetTokensFromRefreshToken it comes from whoever holds a refresh token and the
 * client's secret. So it carries the whole assertion, which is verified here again. On a refresh there is no challenge
 * and hence no nonce; an assertion repeated within its minute says nothing but what is true of that user already.
 */
import type { JWTVerifyGetKey } from 'jose';
import { verifyAssertion, type Assertion } from './assertion.js';
import type { PreTokenGenerationEvent, TriggerHandler } from './events.js';
import { METADATA_ASSERTION } from './verify-auth-challenge-response.js';

/** Throws, and so refuses the tokens, for a user without a tenant and for an assertion that does not hold. */
export const preTokenGeneration =
  (keys: JWTVerifyGetKey): TriggerHandler<PreTokenGenerationEvent> =>
  async (event) => {
    const { userAttributes, groupConfiguration, clientMetadata } = event.request;
    const tenantId = userAttributes['custom:tenant_id'];
    if (!tenantId) throw new Error('The user belongs to no tenant, and roles count within one only.');
    const token = clientMetadata?.[METADATA_ASSERTION];
    const assertion = token === undefined ? undefined : await verifyAssertion(token, keys, event);
    const groups = groupConfiguration.groupsToOverride ?? [];
    const role = userAttributes['custom:role'];
    return {
      ...event,
      response: {
        claimsAndScopeOverrideDetails: {
          // The attribute is written after the group is left: a role in the ID token that is none any more goes too.
          idTokenGeneration: { claimsToSuppress: role && !groups.includes(role) ? ['custom:role'] : [] },
          accessTokenGeneration: {
            claimsToAddOrOverride: {
              roles: groups,
              tenant_id: tenantId,
              ...signedClaims(assertion, userAttributes['custom:external_id']),
            },
          },
          // An empty or missing object here would take the groups out of both tokens.
          groupOverrideDetails: groupConfiguration,
        },
      },
    };
  };

function signedClaims(assertion: Assertion | undefined, externalId: string | undefined): Record<string, unknown> {
  const { oktaSub, ssoSid, act, oboAudience } = assertion ?? {};
  const claims = { okta_sub: oktaSub ?? externalId, sso_sid: ssoSid, act, obo_audience: oboAudience };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}
