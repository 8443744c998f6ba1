/** `/Users` (RFC 7644 section 3). */
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PLATFORM, type PlatformContext } from '#platform';
import {
  ENTERPRISE_SCHEMA,
  listResponse,
  parseFilter,
  parsePage,
  parseProjection,
  USER_SCHEMA,
  userSchema,
} from '#scim';
import { answer, parameter, resourceId, type ScimRequest } from '../http/scim-request.js';
import { noSuchUser, UsersService } from './users.service.js';
import { listUsers, type UserRow } from './users.sql.js';

@Controller('scim/v2/Users')
export class UsersController {
  constructor(
    @Inject(PLATFORM) private readonly platform: PlatformContext,
    @Inject(UsersService) private readonly users: UsersService,
  ) {}

  @Get()
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async (scim) => {
      const text = parameter(request, 'filter');
      const filter = text === undefined || text === '' ? undefined : parseFilter(text);
      const page = parsePage(parameter(request, 'startIndex'), parameter(request, 'count'));
      const show = presentation(request);
      const withGroups = projection(request)?.wants('groups') ?? true;
      const { users, total } = await listUsers(this.platform.database, scim.tenantId, { filter, page, withGroups });
      return { status: 200, body: listResponse(users.map(show), total, page.startIndex) };
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
      await this.users.delete(scim, idOf(request));
      return { status: 204 };
    });
  }

  private one(
    request: FastifyRequest,
    reply: FastifyReply,
    work: (scim: ScimRequest, id: string) => Promise<UserRow>,
  ): Promise<void> {
    return answer(request, reply, async (scim) => {
      const show = presentation(request);
      return { status: 200, body: show(await work(scim, idOf(request))) };
    });
  }
}

/** Made before anything is written, so that a bad parameter refuses the request as a whole. */
function presentation(request: FastifyRequest): (user: UserRow) => Record<string, unknown> {
  const project = projection(request);
  const { baseUrl } = request.scim;
  return (user) => (project ? project(toResource(user, baseUrl)) : toResource(user, baseUrl));
}

const projection = (request: FastifyRequest) =>
  parseProjection(userSchema, parameter(request, 'attributes'), parameter(request, 'excludedAttributes'));

function idOf(request: FastifyRequest): string {
  const { id = '' } = request.params as { id?: string };
  request.scim.resourceId = id;
  const known = resourceId(id);
  if (known === undefined) throw noSuchUser(id);
  return known;
}

const location = (user: UserRow, baseUrl: string) => `${baseUrl}/Users/${user.id}`;

function toResource(user: UserRow, baseUrl: string): Record<string, unknown> {
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
