import { AccessGuardModule, guardOptions } from '#access-guard';
import { EventAdminModule } from '#event-bus';
import { Module, type DynamicModule } from '@nestjs/common';
import { DeskController } from './desk.controller.js';
import { IncidentsController } from './incidents.controller.js';
import { PeopleConsumer } from './people.consumer.js';

@Module({
  imports: [EventAdminModule],
  controllers: [DeskController, IncidentsController, PeopleConsumer],
})
export class IncidentServiceModule {
  static for(platform: Parameters<typeof guardOptions>[0]): DynamicModule {
    return { module: IncidentServiceModule, imports: [AccessGuardModule.forRoot(guardOptions(platform))] };
  }
}
