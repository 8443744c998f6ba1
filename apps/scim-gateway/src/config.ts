import { busSettings } from '#event-bus';
import { integer, list, serviceSettings, url, type ConfigOf } from '#platform';
import { secretSettings } from '#secrets';

export const gatewaySettings = {
  ...serviceSettings,
  ...busSettings,
  ...secretSettings,
  SCIM_BASE_PATHS: list({
    purpose: 'Path prefixes under which clients reach the SCIM API. The prefix /scim/v2 always works too.',
    example: '/prod/api/scim/v2',
    default: ['/prod/api/scim/v2'],
  }),
  PUBLIC_ORIGIN: url({
    purpose: 'Origin of meta.location for tenants that have no host name of their own.',
    example: 'https://your-instance.stackflow-tech.com',
    default: 'http://localhost:8080',
  }),
  SCIM_RATE_LIMIT_PER_SECOND: integer({
    purpose: 'Average requests per second that one tenant may send to one process. Further requests are answered 429.',
    example: '500',
    default: 500,
    min: 1,
  }),
  SCIM_RATE_LIMIT_BURST: integer({
    purpose: 'Requests that one tenant may send at once before SCIM_RATE_LIMIT_PER_SECOND applies.',
    example: '1000',
    default: 1_000,
    min: 1,
  }),
  SCIM_REQUEST_LOG_DAYS: integer({
    purpose: 'Days for which the log of SCIM requests is kept in the database.',
    example: '30',
    default: 30,
    min: 1,
    max: 3650,
  }),
};

export type GatewayConfig = ConfigOf<typeof gatewaySettings>;
