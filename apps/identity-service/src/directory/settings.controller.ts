/** The tenant's settings changed: mappings, known roles, group sync. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData } from '#event-bus';
import type { TenantSettings } from '#events';
import { applySettings, groupKey, settingsOf } from '#settings';
import { Wake } from '../wake.js';
import { causeOf } from '../roles/transition.js';
import { replaceMappings, requestTenantReevaluation, type MappingRow } from './projection.sql.js';

@Controller()
export class SettingsController {
  constructor(private readonly wake: Wake) {}

  @EventPattern('integration.settings')
  async settingsChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'integration.settings');
    if (data === null) return;
    const before = await settingsOf(tx, 'identity', event.tenant);
    if (!(await applySettings(tx, { tenant: event.tenant, sequence: event.sequence, data }))) return;
    if (before && decisive(before.settings) === decisive(data)) return;
    await replaceMappings(tx, event.tenant, data.roles, mappingRows(data));
    await requestTenantReevaluation(tx, event.tenant, causeOf(event, null), event.traceparent);
    tx.afterCommit(() => this.wake.reevaluate());
  }
}

/**
 * What decides about roles, the absence of a brake too: what it held happens then. A rotated SCIM token or `scimEnabled`
 * does not, and what offboarding does is the worker's.
 */
const decisive = ({ roles, roleMappings, groupSync, brake }: TenantSettings): string =>
  JSON.stringify([roles, roleMappings.map((m) => [groupKey(m.group), m.role]), groupSync, brake === null]);

/** A mapping to a role that the tenant does not have gives nothing: it would have no precedence. */
const mappingRows = ({ roles, roleMappings }: TenantSettings): MappingRow[] =>
  roleMappings.flatMap(({ group, role }) =>
    roles.includes(role) ? [{ groupKey: groupKey(group), role, precedence: roles.indexOf(role) }] : [],
  );
