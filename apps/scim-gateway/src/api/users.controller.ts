/** The SCIM endpoint `/Users` (RFC 7644 section 3). */
import { Controller, Delete, Get, Patch, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Database } from '#platform';
import { ENTERPRISE_SCHEMA, listResponse, parseProjection, USER_SCHEMA, userSchema } from '#scim';
import { answer, listQuery, parameter, pathId, type ScimContext } from '../http/context.js';
import { listPieces, resourcePieces, wholePieces, type ResourcePiece } from '../http/pieces.js';
import type { Related } from '../query/related.sql.js';
import type { User } from '../resources/users/user.entity.js';
import { noSuchUser, UsersService } from '../resources/users/users.service.js';
import { groupsOf, listUsers, usersOf } from '../resources/users/users.sql.js';

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
      const { startIndex } = query.page;
      const withGroups = projection(request)?.wants('groups') ?? true;
      const { ids, users, total } = await listUsers(this.database, scim.tenantId, { ...query, withGroups });
      if (users) return { status: 200, body: listResponse(users.map(show), total, startIndex) };
      return { status: 200, body: listPieces(this.pieces(scim, ids, projection(request)), total, startIndex) };
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

  private async *pieces(
    { tenantId, baseUrl }: ScimContext,
    ids: readonly string[],
    project: ReturnType<typeof projection>,
  ): AsyncGenerator<ResourcePiece, void, undefined> {
    for await (const users of usersOf(this.database, tenantId, ids)) {
      const resources = users.map((user) => toResource(user, baseUrl));
      if (project?.wants('groups') === false) yield* wholePieces(resources.map(project));
      else {
        const groups = groupsOf(
          this.database,
          tenantId,
          users.map((user) => user.id),
        );
        yield* resourcePieces(resources, groups, { name: 'groups', show: groupOf(baseUrl), project });
      }
    }
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
  const project = projection(request) ?? ((resource) => resource);
  const { baseUrl } = request.scim;
  return (user) => project({ ...toResource(user, baseUrl), groups: user.groups.map(groupOf(baseUrl)) });
}

const projection = (request: FastifyRequest) =>
  parseProjection(userSchema, parameter(request, 'attributes'), parameter(request, 'excludedAttributes'));

const location = (user: Pick<User, 'id'>, baseUrl: string) => `${baseUrl}/Users/${user.id}`;

const groupOf = (baseUrl: string) => (group: Related) => ({ ...group, $ref: `${baseUrl}/Groups/${group.value}` });

/** Builds a user without the groups. */
const toResource = (user: Omit<User, 'groups'>, baseUrl: string): Record<string, unknown> => ({
  schemas: user.resource[ENTERPRISE_SCHEMA] === undefined ? [USER_SCHEMA] : [USER_SCHEMA, ENTERPRISE_SCHEMA],
  id: user.id,
  ...user.resource,
  meta: {
    resourceType: 'User',
    created: user.createdAt.toISOString(),
    lastModified: user.updatedAt.toISOString(),
    location: location(user, baseUrl),
  },
});
