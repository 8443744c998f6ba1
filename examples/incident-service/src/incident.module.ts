import { AccessGuardModule, guardOptions } from '#access-guard';
import { EventAdminModule } from '#event-bus';
import { Module, type DynamicModule } from '@nestjs/common';
import { DeskController } from './desk.controller.js';
import { IncidentsController } from './incidents.controller.js';
import { PeopleSubscriber } from './people.subscriber.js';

@Module({})
export class IncidentModule {
  static forPlatform(platform: Parameters<typeof guardOptions>[0]): DynamicModule {
    return {
      module: IncidentModule,
      imports: [EventAdminModule, AccessGuardModule.forRoot(guardOptions(platform))],
      controllers: [DeskController, IncidentsController, PeopleSubscriber],
    };
  }
}
