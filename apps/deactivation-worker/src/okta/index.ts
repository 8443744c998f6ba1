/** What Okta tells beside SCIM: event hooks, and the comparison with its assigned users. */
import type { Provider, Type } from '@nestjs/common';
import type { PlatformContext } from '#platform';
import type { WorkerConfig } from '../config.js';
import type { Signals } from '../people/signal.js';

export interface OktaDependencies {
  readonly signals: Signals;
}

export interface OktaParts {
  readonly controllers: readonly Type[];
  readonly providers: readonly Provider[];
}

export function oktaParts(_platform: PlatformContext<WorkerConfig>, _deps: OktaDependencies): OktaParts {
  return { controllers: [], providers: [] };
}
