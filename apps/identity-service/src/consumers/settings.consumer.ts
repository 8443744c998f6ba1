/** Consumes `integration.settings`: mappings, roles, group sync or the brake of a tenant changed. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData } from '#event-bus';
import type { TenantSettings } from '#events';
import { applySettings, groupKey, settingsOf } from '#settings';
import { requestReevaluation } from '../accounts/reevaluation.sql.js';
import { Reevaluator } from '../accounts/reevaluator.js';
import { causeOf } from '../accounts/subject.js';
import { replaceMappings } from '../directory/projection.sql.js';

@Controller()
export class IdentitySettingsConsumer {
  constructor(private readonly reevaluator: Reevaluator) {}

  @EventPattern('integration.settings')
  async settingsChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'integration.settings');
    if (data === null) return;
    const { tenant, sequence, traceparent } = event;
    const before = await settingsOf(tx, 'identity', tenant);
    if (!(await applySettings(tx, { tenant, sequence, data }))) return;
    if (before && roleRules(before.settings) === roleRules(data)) return;
    const known = new Set(before?.settings.roleMappings.map((m) => groupKey(m.group)));
    const newNames = data.roleMappings.map((m) => groupKey(m.group)).filter((key) => !known.has(key));
    await replaceMappings(tx, tenant, data.roles, mappingRows(data), newNames);
    await requestReevaluation(tx, tenant, null, { cause: causeOf(event), traceparent });
    tx.afterCommit(() => this.reevaluator.wake());
  }
}

/**
 * The settings that decide about roles. They include whether the brake is off, because switching it off ends all holds.
 */
const roleRules = ({ roles, roleMappings, groupSync, brake }: TenantSettings): string =>
  JSON.stringify([roles, roleMappings.map((m) => [groupKey(m.group), m.role]), groupSync, brake === null]);

/** Omits a mapping to a role that the tenant does not have: it gives nothing and has no precedence. */
const mappingRows = ({ roles, roleMappings }: TenantSettings) =>
  roleMappings.flatMap(({ group, role }) =>
    roles.includes(role) ? [{ groupKey: groupKey(group), role, precedence: roles.indexOf(role) }] : [],
  );
