import { Injectable } from '@nestjs/common';
import type { ClosingTenant, TenantOwner } from '#worker';
import { ExchangeClients } from '../exchange/exchange-clients.js';

/** Nothing here waits: when this erasure begins, deactivation-worker has ended everybody's access. */
@Injectable()
export class AuthTenantClosing implements TenantOwner {
  readonly publishes = false;

  constructor(private readonly clients: ExchangeClients) {}

  async close({ tenant }: ClosingTenant): Promise<null> {
    await this.clients.forgetTenant(tenant);
    return null;
  }
}
