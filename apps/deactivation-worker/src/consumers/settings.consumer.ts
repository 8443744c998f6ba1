import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData } from '#event-bus';
import { applySettings, settingsOf, TenantSettingsCache } from '#settings';
import { AccessEvaluator } from '../access/evaluator.js';
import { lockPeople } from '../access/person.sql.js';
import { inactiveWithAccess, withPendingCase } from '../cases/case.sql.js';
import { causeOf } from '../cases/cause.js';

@Controller()
export class OffboardingSettingsConsumer {
  constructor(
    private readonly evaluator: AccessEvaluator,
    private readonly tenants: TenantSettingsCache,
  ) {}

  /**
   * If "Deactivate on Offboard" is switched on, inactive people who kept access lose it. If the setting is switched
   * off, pending cases that have no other reason are discarded. Nobody gets back access that was already lost.
   */
  @EventPattern('integration.settings')
  async settingsChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'integration.settings');
    if (data === null) return;
    const { tenant } = event;
    const before = await settingsOf(tx, 'offboarding', tenant);
    const settings = { tenant, sequence: event.sequence, data };
    if (!(await applySettings(tx, settings))) return;
    tx.afterCommit(() => this.tenants.accept(settings));
    const didDeactivate = before?.settings.deactivateOnOffboard ?? true;
    if (didDeactivate === data.deactivateOnOffboard) return;
    const affected = await (data.deactivateOnOffboard ? inactiveWithAccess : withPendingCase)(tx, tenant);
    const ids = affected.map(({ id }) => id);
    const cause = causeOf(event, 'settings.changed');
    for (const person of await lockPeople(tx, tenant, ids)) await this.evaluator.evaluate(tx, person, cause);
  }
}
