/** Configuration of what asks Okta and hears from it. */
import { oktaSettings } from '#okta';
import { integer, type ConfigOf, type ConfigShape } from '#platform';
import { secretSettings } from '#secrets';

export const oktaSignalSettings = {
  ...secretSettings,
  ...oktaSettings,
  OKTA_COMPARE_HOUR: integer({
    purpose: 'Hour of the day, in UTC, in which every connected tenant is compared with its Okta app; -1 = never.',
    example: '3',
    default: 3,
    min: -1,
    max: 23,
  }),
} satisfies ConfigShape;

export type OktaSignalConfig = ConfigOf<typeof oktaSignalSettings>;
