import { always, optionalUrl, type ConfigShape } from '#platform';

export const oktaSettings = {
  OKTA_ENDPOINT: optionalUrl({
    purpose: "Address of Okta, e.g. of the sandbox. The default is https://<the tenant's domain>.",
    example: 'http://localhost:9402',
    development: always,
  }),
} satisfies ConfigShape;
