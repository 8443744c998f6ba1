import type { BusConfig } from '#event-bus';
import {
  integer,
  list,
  optionalText,
  optionalUrl,
  url,
  type ConfigOf,
  type ConfigShape,
  type PlatformContext,
} from '#platform';
import { busFeed } from './feed.js';
import type { AccessGuardModuleOptions } from './nest.js';
import { reportRefusals } from './report-refusals.js';

export const guardSettings = {
  TOKEN_ISSUER: url({
    purpose: 'Issuer of the access tokens: the Cognito user pool.',
    example: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI',
  }),
  TOKEN_CLIENT_IDS: list({
    purpose: 'App clients of the user pool whose tokens this service accepts, comma-separated.',
    example: '4example1client2id',
  }),
  TOKEN_AUDIENCE: optionalText({
    purpose:
      'Name of this service in token exchanges (docs/token-exchange.md). If it is set, tokens that were exchanged for another service are refused.',
    example: 'incident-service',
  }),
  TOKEN_JWKS_URI: optionalUrl({
    purpose: 'URL of the public keys, if they are not at the issuer. It must be https, or http on this machine.',
    example: 'http://localhost:9229/local/.well-known/jwks.json',
  }),
  ACCESS_STALE_AFTER_MS: integer({
    purpose:
      'If the carrier does not answer for this many milliseconds, tokens older than ACCESS_STALE_TOKEN_AGE_MS are refused.',
    example: '10000',
    default: 10_000,
    min: 1_000,
  }),
  ACCESS_STALE_TOKEN_AGE_MS: integer({
    purpose:
      'Largest age, in milliseconds, of tokens that are accepted while the carrier does not answer. 0 means that all tokens are refused.',
    example: '300000',
    default: 300_000,
    min: 0,
  }),
  DEACTIVATION_WORKER_URL: optionalUrl({
    purpose:
      'URL of deactivation-worker. If it is set, the first refused token after an offboarding is reported as evidence. INTERNAL_API_TOKEN authenticates the report.',
    example: 'http://deactivation-worker:3000',
  }),
} satisfies ConfigShape;

type GuardPlatform = PlatformContext<
  ConfigOf<typeof guardSettings> & BusConfig & { readonly DATABASE_URL: string; readonly INTERNAL_API_TOKEN: string }
>;

/** Builds the options for `AccessGuardModule.forRoot`. The guard uses the carrier of the service's own bus. */
export function guardOptions({ service, config, logger, metrics, health }: GuardPlatform): AccessGuardModuleOptions {
  const source =
    config.EVENT_CARRIER === 'kafka'
      ? ({ carrier: 'kafka', config } as const)
      : ({ carrier: 'postgres', url: config.DATABASE_URL } as const);
  const worker = config.DEACTIVATION_WORKER_URL;
  return {
    issuer: config.TOKEN_ISSUER,
    clientIds: config.TOKEN_CLIENT_IDS,
    audience: config.TOKEN_AUDIENCE,
    ...(config.TOKEN_JWKS_URI !== undefined && { jwksUri: config.TOKEN_JWKS_URI }),
    feed: busFeed(source, { name: service, logger }),
    policy: {
      stale: { afterMs: config.ACCESS_STALE_AFTER_MS, acceptTokensYoungerThanMs: config.ACCESS_STALE_TOKEN_AGE_MS },
    },
    ...(worker !== undefined && {
      onRefused: reportRefusals({ url: worker, token: config.INTERNAL_API_TOKEN, service, logger }),
    }),
    logger,
    metrics,
    health,
  };
}
