/** Consumes `offboarding.cases`. The event that announces the end of access contains the completed case. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData } from '#event-bus';
import { storeCase } from '../access/access.sql.js';
import { tryLockTenant } from '../accounts/locks.sql.js';
import { PersonEvaluator } from '../accounts/person-evaluator.js';
import { causeOf } from '../accounts/subject.js';

@Controller()
export class IdentityCasesConsumer {
  constructor(private readonly people: PersonEvaluator) {}

  @EventPattern('offboarding.cases')
  async caseChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'offboarding.cases');
    if (data === null) return;
    const { tenant, traceparent } = event;
    const locked = await tryLockTenant(tx, tenant);
    if (!(await storeCase(tx, event, data.case)) || data.case.state !== 'completed') return;
    await this.people.evaluate(tx, tenant, [data.case.account], { cause: causeOf(event), traceparent }, locked);
  }
}
