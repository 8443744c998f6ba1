/** The Okta parts of the worker: event hooks, questions about single people, comparisons. */
import type { Provider, Type } from '@nestjs/common';
import type { PlatformContext } from '#platform';
import type { Signals } from '../people/signal.js';
import { CheckRun } from './checks/check-run.js';
import { OktaChecks } from './checks/checks.js';
import { CompareController } from './compare/compare.controller.js';
import { OktaCompare } from './compare/compare.js';
import { NightlyCompare } from './compare/nightly.js';
import type { OktaSignalConfig } from './config.js';
import { EventHookController } from './hooks/event-hook.controller.js';
import { HookDoor } from './hooks/hook-door.js';
import { watchOkta } from './okta-metrics.js';
import { OktaOrgs } from './orgs.js';

export interface OktaParts {
  readonly controllers: Type[];
  readonly providers: Provider[];
}

/** Built by hand, as the rest of the worker; Nest runs their lifecycle hooks. `signals` tells the core what Okta says. */
export function oktaParts(
  platform: PlatformContext<OktaSignalConfig>,
  { signals, leaseSeconds }: { readonly signals: Signals; readonly leaseSeconds: number },
): OktaParts {
  const orgs = new OktaOrgs(platform);
  const checks = new OktaChecks(platform, orgs, new CheckRun(platform, signals), leaseSeconds);
  const poke = (): void => checks.poke();
  const compare = new OktaCompare(platform, orgs, poke);
  watchOkta(platform.database, platform.metrics);
  const values = [
    orgs,
    checks,
    compare,
    new HookDoor(platform, orgs, poke),
    new NightlyCompare(platform, compare, platform.config.OKTA_COMPARE_HOUR),
  ];
  return {
    controllers: [EventHookController, CompareController],
    providers: values.map((useValue) => ({ provide: useValue.constructor, useValue })),
  };
}
