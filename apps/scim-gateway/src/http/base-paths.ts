/** The path prefixes under which clients reach the SCIM API. */
import { Inject, Injectable } from '@nestjs/common';
import { CONFIG } from '#platform';
import type { GatewayConfig } from '../config.js';

/** The prefix of the routes. `rewrite` replaces each prefix in SCIM_BASE_PATHS by this one. */
const CANONICAL = '/scim/v2';

@Injectable()
export class BasePaths {
  private readonly paths: readonly string[];

  constructor(@Inject(CONFIG) config: Pick<GatewayConfig, 'SCIM_BASE_PATHS'>) {
    const configured = config.SCIM_BASE_PATHS.map((path) => `/${path.replace(/^\/+|\/+$/g, '')}`);
    this.paths = [...new Set([...configured, CANONICAL])];
  }

  /**
   * Replaces a configured prefix by the prefix of the routes: `/prod/api/scim/v2/Users?x` -> `/scim/v2/Users?x`. Other
   * URLs stay unchanged.
   */
  rewrite(url: string): string {
    const base = this.paths.find((b) => url.startsWith(b) && /^([/?]|$)/.test(url.slice(b.length, b.length + 1)));
    return base === undefined ? url : CANONICAL + url.slice(base.length);
  }

  /**
   * Returns the prefix that the client used, for links. If the URL has no known prefix, returns the first configured
   * one.
   */
  of(url: string): string {
    return this.paths.find((base) => url.startsWith(`${base}/`)) ?? this.paths[0] ?? CANONICAL;
  }
}
