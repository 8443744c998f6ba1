/** The guarded API: every handler needs a valid token, and `@Roles` names the roles that may call it. */
import { BadRequestException, Body, Controller, Get, Post } from '@nestjs/common';
import { Caller, Roles, type CallerAccess } from '@stackflow/access-guard/nest';
import { Database } from '@stackflow/identity-events';
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
  constructor(private readonly database: Database) {}

  /** Returns the incidents of the caller's tenant. The tenant comes from the guard, never from the request. */
  @Get()
  list(@Caller() caller: CallerAccess): Promise<Incident[]> {
    return this.database.query('select id, title, assignee from incident where tenant_id = $1 order by id', [
      caller.tenantId,
    ]);
  }

  @Post()
  @Roles('super_admin', 'itsm_manager', 'itsm_agent')
  async open(@Caller() caller: CallerAccess, @Body() body: unknown): Promise<Incident | undefined> {
    const { data, error } = newIncident.safeParse(body);
    if (!data) throw new BadRequestException(z.prettifyError(error));
    const rows = await this.database.query<Incident>(
      'insert into incident (tenant_id, title, assignee) values ($1, $2, $3) returning id, title, assignee',
      [caller.tenantId, data.title, caller.accountId],
    );
    return rows[0];
  }
}
