/** The SCIM endpoint `/Users` (RFC 7644 section 3). */
import { Controller, Delete, Get, Patch, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Database } from '#platform';
import { ENTERPRISE_SCHEMA, listResponse, parseProjection, USER_SCHEMA, userSchema } from '#scim';
import { answer, listQuery, parameter, pathId, type ScimContext } from '../http/context.js';
import type { User } from '../resources/users/user.entity.js';
import { noSuchUser, UsersService } from '../resources/users/users.service.js';
import { listUsers } from '../resources/users/users.sql.js';

@Controller('scim/v2/Users')
export class UsersController {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
  ) {}

  @Get()
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async (scim) => {
      const query = listQuery(request);
      const show = presentation(request);
      const withGroups = projection(request)?.wants('groups') ?? true;
      const { rows, total } = await listUsers(this.database, scim.tenantId, { ...query, withGroups });
      return { status: 200, body: listResponse(rows.map(show), total, query.page.startIndex) };
    });
  }

  @Post()
  create(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async (scim) => {
      const show = presentation(request);
      const user = await this.users.create(scim, request.body);
      scim.resourceId = user.id;
      return { status: 201, body: show(user), location: location(user, scim.baseUrl) };
    });
  }

  @Get(':id')
  get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.one(request, reply, (scim, id) => this.users.get(scim, id));
  }

  @Put(':id')
  replace(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.one(request, reply, (scim, id) => this.users.replace(scim, id, request.body));
  }

  @Patch(':id')
  patch(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.one(request, reply, (scim, id) => this.users.patch(scim, id, request.body));
  }

  @Delete(':id')
  delete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async (scim) => {
      await this.users.delete(scim, pathId(request, noSuchUser));
      return { status: 204 };
    });
  }

  private one(
    request: FastifyRequest,
    reply: FastifyReply,
    work: (scim: ScimContext, id: string) => Promise<User>,
  ): Promise<void> {
    return answer(request, reply, async (scim) => {
      const show = presentation(request);
      return { status: 200, body: show(await work(scim, pathId(request, noSuchUser))) };
    });
  }
}

/**
 * Reads `attributes` and `excludedAttributes`. Call this function before anything is written, so that a request
 * with a bad parameter changes nothing.
 */
function presentation(request: FastifyRequest): (user: User) => Record<string, unknown> {
  const project = projection(request);
  const { baseUrl } = request.scim;
  return (user) => (project ? project(toResource(user, baseUrl)) : toResource(user, baseUrl));
}

const projection = (request: FastifyRequest) =>
  parseProjection(userSchema, parameter(request, 'attributes'), parameter(request, 'excludedAttributes'));

const location = (user: User, baseUrl: string) => `${baseUrl}/Users/${user.id}`;

function toResource(user: User, baseUrl: string): Record<string, unknown> {
  return {
    schemas: user.resource[ENTERPRISE_SCHEMA] === undefined ? [USER_SCHEMA] : [USER_SCHEMA, ENTERPRISE_SCHEMA],
    id: user.id,
    ...user.resource,
    groups: user.groups.map((group) => ({ ...group, $ref: `${baseUrl}/Groups/${group.value}` })),
    meta: {
      resourceType: 'User',
      created: user.createdAt.toISOString(),
      lastModified: user.updatedAt.toISOString(),
      location: location(user, baseUrl),
    },
  };
}
