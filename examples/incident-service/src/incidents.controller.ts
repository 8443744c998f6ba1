/** Every handler here needs a valid token already; `@Roles` says who of its owners may come in. */
import { Caller, Roles, type CallerAccess } from '#access-guard';
import { PLATFORM, type PlatformContext } from '#platform';
import { BadRequestException, Body, Controller, Get, Inject, Post } from '@nestjs/common';
import { z } from 'zod';

const newIncident = z.object({ title: z.string().trim().min(1).max(200) });

export interface Incident {
  readonly id: string;
  readonly title: string;
  readonly assignee: string | null;
}

@Controller('incidents')
@Roles('super_admin', 'itsm_manager', 'itsm_agent', 'viewer')
export class IncidentsController {
  constructor(@Inject(PLATFORM) private readonly platform: PlatformContext) {}

  /** Those of the caller's tenant; the tenant comes from the guard, never from the request. */
  @Get()
  list(@Caller() caller: CallerAccess): Promise<Incident[]> {
    return this.platform.database.query('select id, title, assignee from incident where tenant_id = $1 order by id', [
      caller.tenantId,
    ]);
  }

  @Post()
  @Roles('super_admin', 'itsm_manager', 'itsm_agent')
  async open(@Caller() caller: CallerAccess, @Body() body: unknown): Promise<Incident | undefined> {
    const { data, error } = newIncident.safeParse(body);
    if (!data) throw new BadRequestException(z.prettifyError(error));
    const rows = await this.platform.database.query<Incident>(
      'insert into incident (tenant_id, title, assignee) values ($1, $2, $3) returning id, title, assignee',
      [caller.tenantId, data.title, caller.accountId],
    );
    return rows[0];
  }
}
