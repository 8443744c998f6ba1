import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse } from '@nestjs/swagger';
import { PoolComparison, PoolComparisonStarted } from '#contracts';
import { InternalApi, Needs, Problem } from '#platform';
import { PoolComparer } from '../cognito/pool-comparer.js';

@InternalApi()
@Controller('internal/pool-comparison')
export class PoolComparisonController {
  constructor(private readonly comparer: PoolComparer) {}

  @Post()
  @Needs('operate')
  @HttpCode(202)
  @ApiAcceptedResponse({ type: PoolComparisonStarted })
  async start(): Promise<PoolComparisonStarted> {
    return { run: await this.comparer.start() };
  }

  @Get()
  @ApiOkResponse({ type: PoolComparison })
  async latest(): Promise<PoolComparison> {
    const latest = await this.comparer.latest();
    if (!latest) throw new Problem('not_found', 'The user pool has not been compared with the accounts yet.');
    return latest;
  }
}
