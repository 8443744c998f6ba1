/** `/internal/reconcile`: compare the whole user pool with the accounts and repair what differs. */
import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { InternalApi, Problem } from '#platform';
import { PoolCompare, type CompareRun } from '../reconcile/compare.js';

@InternalApi()
@Controller('internal/reconcile')
export class ReconcileController {
  constructor(private readonly compare: PoolCompare) {}

  @Post()
  @HttpCode(202)
  async start(): Promise<{ run: string }> {
    return { run: await this.compare.start() };
  }

  @Get()
  async latest(): Promise<CompareRun> {
    const run = await this.compare.latest();
    if (!run) throw new Problem('not_found', 'No compare has run yet; start one with POST /internal/reconcile.');
    return run;
  }
}
