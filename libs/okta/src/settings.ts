/** Configuration of every service that calls Okta. Domain and token are settings of the tenant. */
import { optionalUrl, type ConfigShape } from '#platform';

export const oktaSettings = {
  OKTA_ENDPOINT: optionalUrl({
    purpose: "Address of Okta, e.g. of the sandbox. Left out: https://<the tenant's domain>.",
    example: 'http://localhost:9402',
  }),
} satisfies ConfigShape;
