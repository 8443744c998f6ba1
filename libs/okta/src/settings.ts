/** Configuration of every service that asks Okta. Domain and token are the tenant's, not the service's. */
import { optionalUrl, type ConfigShape } from '#platform';

export const oktaSettings = {
  OKTA_ENDPOINT: optionalUrl({
    purpose: "Another Okta address than https://<the tenant's domain>, e.g. the sandbox.",
    example: 'http://localhost:9402',
  }),
} satisfies ConfigShape;
