import {
  EventBusState,
  EventKeyPath,
  EventKeyQuery,
  EventKeyState,
  ParkedKeyChange,
  ParkedPage,
  ParkedQuery,
  ReplayedEvents,
  ReplayEvents,
  RetriedKeys,
  RetryParked,
  SkipParked,
} from '#contracts';
import { CONFIG, Database, CalledBy, type Caller, InternalApi, Needs, LOGGER, SERVICE, type Logger } from '#platform';
import { Body, Controller, Get, HttpCode, Module, Param, Post, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { sourceOf } from '../bus.js';
import type { BusConfig } from '../settings.js';
import { EventAdmin } from './event-admin.js';

@InternalApi()
@Controller('internal/events')
class EventsController {
  constructor(private readonly admin: EventAdmin) {}

  @Get()
  @ApiOkResponse({ type: EventBusState })
  state(): Promise<EventBusState> {
    return this.admin.state();
  }

  @Get('keys/:key')
  @ApiOkResponse({ type: EventKeyState })
  key(@Param() { key }: EventKeyPath, @Query() query: EventKeyQuery): Promise<EventKeyState> {
    return this.admin.key(key, query);
  }

  @Get('parked')
  @ApiOkResponse({ type: ParkedPage })
  parked(@Query() query: ParkedQuery): Promise<ParkedPage> {
    return this.admin.parked(query);
  }

  @Post('parked/retry')
  @Needs('events')
  @HttpCode(200)
  @ApiOkResponse({ type: RetriedKeys })
  retry(@Body() body: RetryParked, @CalledBy() caller: Caller): Promise<RetriedKeys> {
    return this.admin.retry({ ...body, by: caller.onBehalfOf(body.by) });
  }

  @Post('parked/skip')
  @Needs('events')
  @HttpCode(200)
  @ApiOkResponse({ type: ParkedKeyChange })
  skip(@Body() body: SkipParked, @CalledBy() caller: Caller): Promise<ParkedKeyChange> {
    return this.admin.skip({ ...body, by: caller.onBehalfOf(body.by) });
  }

  @Post('replay')
  @Needs('events')
  @HttpCode(200)
  @ApiOkResponse({ type: ReplayedEvents })
  replay(@Body() body: ReplayEvents, @CalledBy() caller: Caller): Promise<ReplayedEvents> {
    return this.admin.replay({ ...body, by: caller.onBehalfOf(body.by) });
  }
}

/** Every service that publishes or consumes events imports this module. */
@Module({
  controllers: [EventsController],
  providers: [
    {
      provide: EventAdmin,
      useFactory: (config: BusConfig, service: string, database: Database, logger: Logger) =>
        new EventAdmin(database, config.EVENT_CARRIER, sourceOf(config, { service, database, logger }), logger),
      inject: [CONFIG, SERVICE, Database, LOGGER],
    },
  ],
})
export class EventAdminModule {}
