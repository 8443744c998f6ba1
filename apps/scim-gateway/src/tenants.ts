/** The tenants as the gateway knows them: settings from events, and which host name belongs to whom. */
import { Inject, Injectable } from '@nestjs/common';
import type { EventEnvelope } from '#events';
import { PLATFORM, type PlatformContext } from '#platform';
import { TenantSettingsCache, type TenantCopy } from '#settings';

export type SettingsChanged = EventEnvelope<'com.stackflow.integration.settings.changed.v1'>;

@Injectable()
export class Tenants {
  private readonly cache: TenantSettingsCache;
  private readonly tenantOfHost = new Map<string, string>();
  private readonly listeners: ((current: TenantCopy, previous: TenantCopy | null) => void)[] = [];

  constructor(@Inject(PLATFORM) platform: PlatformContext) {
    this.cache = new TenantSettingsCache({
      database: platform.database,
      schema: platform.database.schema,
      onChange: (current, previous) => this.changed(current, previous),
    });
  }

  get(tenantId: string): Promise<TenantCopy | null> {
    return this.cache.get(tenantId);
  }

  /** Takes over what this process has just stored; call it after the commit. */
  accept(event: SettingsChanged): void {
    this.cache.accept(event);
  }

  onChange(listener: (current: TenantCopy, previous: TenantCopy | null) => void): void {
    this.listeners.push(listener);
  }

  /** A token is good for its own tenant's host name and for hosts that nobody has, e.g. inside the cluster (P4). */
  isHostOfAnother(host: string, tenantId: string): boolean {
    const owner = this.tenantOfHost.get(host.toLowerCase());
    return owner !== undefined && owner !== tenantId;
  }

  private changed(current: TenantCopy, previous: TenantCopy | null): void {
    if (previous?.host && this.tenantOfHost.get(hostName(previous.host)) === current.tenantId)
      this.tenantOfHost.delete(hostName(previous.host));
    if (current.host) this.tenantOfHost.set(hostName(current.host), current.tenantId);
    for (const listener of this.listeners) listener(current, previous);
  }
}

const hostName = (host: string): string => host.toLowerCase().replace(/:\d+$/, '');
