/** Settings of the guard for a service's configuration, and the options that are computed from these settings. */
import { kafkaAccess, type BusConfig, type FollowLogger } from '#event-bus';
import {
  ConfigError,
  integer,
  list,
  optionalText,
  optionalUrl,
  text,
  url,
  type ConfigOf,
  type ConfigShape,
} from '#platform';
import type { Registry } from 'prom-client';
import { busFeed } from './feed.js';
import type { AccessGuardModuleOptions, GuardHealth } from './nest.js';
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
  TOKEN_AUDIENCE: text({
    purpose: 'Name of this service in token exchanges. Tokens that were exchanged for another service are refused.',
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
      'URL of deactivation-worker. If it is set, the first refused token after an offboarding is reported as evidence. It needs INTERNAL_API_CREDENTIAL.',
    example: 'http://deactivation-worker:3000',
  }),
  INTERNAL_API_CREDENTIAL: {
    ...optionalText({
      purpose:
        'Credential of this service at deactivation-worker, <caller>.<secret>. The worker must accept it with the scope report-refusals. The evidence names the caller.',
      example: 'incident-service.$(openssl rand -hex 32)',
    }),
    secret: true,
  },
} satisfies ConfigShape;

/** The parts of a service that the guard uses. Nest services of the subscriber kit have all of them. */
export interface GuardPlatform {
  readonly service: string;
  readonly config: ConfigOf<typeof guardSettings> & BusConfig & { readonly DATABASE_URL: string };
  readonly logger: FollowLogger;
  readonly metrics: { readonly registry: Registry };
  readonly health: GuardHealth;
}

/** Builds the options for `AccessGuardModule.forRoot`. The guard uses the carrier of the service's own bus. */
export function guardOptions({ service, config, logger, metrics, health }: GuardPlatform): AccessGuardModuleOptions {
  const source =
    config.EVENT_CARRIER === 'kafka'
      ? kafkaAccess(config)
      : ({ carrier: 'postgres', url: config.DATABASE_URL } as const);
  const { DEACTIVATION_WORKER_URL: worker, INTERNAL_API_CREDENTIAL: credential } = config;
  if (worker !== undefined && credential === undefined)
    throw new ConfigError(service, ['INTERNAL_API_CREDENTIAL is not set although DEACTIVATION_WORKER_URL is set.']);
  return {
    issuer: config.TOKEN_ISSUER,
    clientIds: config.TOKEN_CLIENT_IDS,
    audience: config.TOKEN_AUDIENCE,
    ...(config.TOKEN_JWKS_URI !== undefined && { jwksUri: config.TOKEN_JWKS_URI }),
    feed: busFeed(source, { name: service, logger }),
    policy: {
      stale: { afterMs: config.ACCESS_STALE_AFTER_MS, acceptTokensYoungerThanMs: config.ACCESS_STALE_TOKEN_AGE_MS },
    },
    ...(worker !== undefined &&
      credential !== undefined && { onRefused: reportRefusals({ url: worker, token: credential, logger }) }),
    logger,
    registry: metrics.registry,
    health,
  };
}
