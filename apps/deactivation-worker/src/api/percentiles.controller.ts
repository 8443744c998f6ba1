import { Controller, Get, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { Percentiles, PercentilesQuery } from '#contracts';
import { InternalApi } from '#platform';
import { CasePercentiles } from '../cases/percentiles.js';

@InternalApi()
@Controller('internal/offboarding/percentiles')
export class PercentilesController {
  constructor(private readonly percentiles: CasePercentiles) {}

  @Get()
  @ApiOkResponse({ type: Percentiles })
  of(@Query() query: PercentilesQuery): Promise<Percentiles> {
    return this.percentiles.of(query);
  }
}
