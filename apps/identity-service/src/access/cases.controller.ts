/** A case of deactivation-worker: the cause of a closing, and when it is complete the evidence that we publish. */
import { Controller } from '@nestjs/common';
import { Ctx, EventPattern } from '@nestjs/microservices';
import { EventContext, parseData } from '#event-bus';
import { tryLockTenant } from '../roles/evaluation.sql.js';
import { PersonEvaluator } from '../roles/person-evaluator.js';
import { causeOf } from '../roles/transition.js';
import { storeClosing, tryLockPerson } from './access.sql.js';

@Controller()
export class CasesController {
  constructor(private readonly people: PersonEvaluator) {}

  @EventPattern('offboarding.cases')
  async caseChanged(@Ctx() { event, tx }: EventContext): Promise<void> {
    const data = parseData(event, 'offboarding.cases');
    if (data === null) return;
    const free = await tryLockTenant(tx, event.tenant);
    if (!(await storeClosing(tx, event, data.case)) || data.case.state !== 'completed') return;
    const { account } = data.case;
    const now = free && (await tryLockPerson(tx, event.tenant, account));
    const cause = causeOf(event, null);
    await this.people.evaluate(tx, event.tenant, account, { cause, traceparent: event.traceparent, now });
  }
}
