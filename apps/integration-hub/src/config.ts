import { busSettings } from '#event-bus';
import { integer, serviceSettings, url, type ConfigOf, type ConfigShape } from '#platform';
import { secretSettings } from '#secrets';

export const config = {
  ...serviceSettings,
  ...busSettings,
  ...secretSettings,
  PUBLIC_ORIGIN: url({
    purpose: 'Origin under which Okta and browsers reach tenants that have no host name of their own.',
    example: 'https://your-instance.stackflow-tech.com',
    default: 'http://localhost:8080',
  }),
  PUBLISH_TIMEOUT_MS: integer({
    purpose:
      'The response to a change waits at most this many milliseconds for the events of the change to be published. After this time, the response says that the events are only stored.',
    example: '5000',
    default: 5_000,
    min: 100,
    max: 10_000, // Must be below 15 seconds: then callers stop waiting, and lose a token that is shown only once.
  }),
} satisfies ConfigShape;

export type HubConfig = ConfigOf<typeof config>;
