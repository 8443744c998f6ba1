import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '#platform';
import type { GatewayConfig } from '../config.js';

/** The prefix of the routes of this service. */
const CANONICAL = '/scim/v2';

@Injectable()
export class BasePaths {
  private readonly paths: readonly string[];

  constructor(@Inject(CONFIG) config: Pick<GatewayConfig, 'SCIM_BASE_PATHS'>) {
    const configured = config.SCIM_BASE_PATHS.map((path) => `/${path.replace(/^\/+|\/+$/g, '')}`);
    this.paths = [...new Set([...configured, CANONICAL])];
  }

  /** Turns `/prod/api/scim/v2/Users?x` into `/scim/v2/Users?x`. Other URLs stay unchanged. */
  rewrite(url: string): string {
    const base = this.paths.find((b) => url.startsWith(b) && /^([/?]|$)/.test(url.slice(b.length, b.length + 1)));
    return base === undefined ? url : CANONICAL + url.slice(base.length);
  }

  /** Returns the prefix of a URL for use in links, or the first configured prefix if the URL has none. */
  of(url: string): string {
    return this.paths.find((base) => url.startsWith(`${base}/`)) ?? this.paths[0] ?? CANONICAL;
  }
}
