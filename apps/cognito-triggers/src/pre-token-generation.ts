/**
 * The trigger PreTokenGeneration, event version 2: adds claims for our services to the access token.
 *
 * identity-service wrote the attributes and groups of the user. All other claims come from the assertion that
 * auth-service signed. ClientMetadata contains the whole assertion, because ClientMetadata itself is not signed:
 * anybody with a refresh token and the client's secret can set it in GetTokensFromRefreshToken. The assertion of a
 * refresh has no nonce and can be replayed for a minute. A replay only repeats facts that are already true of that
 * user.
 */
import type { JWTVerifyGetKey } from 'jose';
import { verifyAssertion, type Assertion } from './assertion.js';
import type { PreTokenGenerationEvent, TriggerHandler } from './events.js';
import { METADATA_ASSERTION } from './verify-auth-challenge-response.js';

/** Cognito's scope for self-service calls: with it, the holder of a token could change the person's attributes. */
const SELF_SERVICE_SCOPE = 'aws.cognito.signin.user.admin';
/** The scope of our access tokens. It gives no rights; the claim `roles` does. */
export const SCOPE = 'stackflow';

/** Throws if the user has no tenant or the assertion is invalid. Cognito then issues no tokens. */
export const preTokenGeneration =
  (keys: JWTVerifyGetKey): TriggerHandler<PreTokenGenerationEvent> =>
  async (event) => {
    const { userAttributes, groupConfiguration, clientMetadata } = event.request;
    const tenantId = userAttributes['custom:tenant_id'];
    if (!tenantId) throw new Error('The user belongs to no tenant, and roles are valid only within a tenant.');
    const token = clientMetadata?.[METADATA_ASSERTION];
    const assertion = token === undefined ? undefined : await verifyAssertion(token, keys, event);
    const groups = groupConfiguration.groupsToOverride ?? [];
    const role = userAttributes['custom:role'];
    return {
      ...event,
      response: {
        claimsAndScopeOverrideDetails: {
          // identity-service removes the user from the role's group before it changes `custom:role`. Until it has
          // changed the attribute, hide the outdated role.
          idTokenGeneration: { claimsToSuppress: role && !groups.includes(role) ? ['custom:role'] : [] },
          accessTokenGeneration: {
            scopesToAdd: [SCOPE],
            scopesToSuppress: [SELF_SERVICE_SCOPE],
            claimsToAddOrOverride: {
              roles: groups,
              tenant_id: tenantId,
              ...signedClaims(assertion, userAttributes['custom:external_id']),
            },
          },
          // If this object were empty or missing, Cognito would remove the groups from both tokens.
          groupOverrideDetails: groupConfiguration,
        },
      },
    };
  };

function signedClaims(assertion: Assertion | undefined, externalId: string | undefined): Record<string, unknown> {
  const { oktaSub, ssoSid, act, exchangeAudience } = assertion ?? {};
  const claims = { okta_sub: oktaSub ?? externalId, sso_sid: ssoSid, act, exchange_audience: exchangeAudience };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}
