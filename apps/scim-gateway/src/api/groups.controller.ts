/** The SCIM endpoint `/Groups` (RFC 7644 section 3). */
import { Controller, Delete, Get, Patch, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Database } from '#platform';
import { GROUP_SCHEMA, groupSchema, parseProjection } from '#scim';
import { answer, listQuery, parameter, pathId, type ScimContext } from '../http/context.js';
import { listPieces, onePiece, resourcePieces, wholePieces, type ResourcePiece } from '../http/pieces.js';
import type { Group } from '../resources/groups/group.entity.js';
import { GroupsService, noSuchGroup } from '../resources/groups/groups.service.js';
import { listGroups, membersOf } from '../resources/groups/groups.sql.js';

@Controller('scim/v2/Groups')
export class GroupsController {
  constructor(
    private readonly database: Database,
    private readonly groups: GroupsService,
  ) {}

  @Get()
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async (scim) => {
      const query = listQuery(request);
      const show = this.presentation(request);
      const { rows, total } = await listGroups(this.database, scim.tenantId, query);
      return { status: 200, body: listPieces(show(rows), total, query.page.startIndex) };
    });
  }

  @Post()
  create(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async (scim) => {
      const show = this.presentation(request);
      const group = await this.groups.create(scim, request.body);
      scim.resourceId = group.id;
      return { status: 201, body: onePiece(show([group])), location: location(group, scim.baseUrl) };
    });
  }

  @Get(':id')
  get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.one(request, reply, (scim, id) => this.groups.get(scim, id));
  }

  @Put(':id')
  replace(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return this.one(request, reply, (scim, id) => this.groups.replace(scim, id, request.body));
  }

  /**
   * Usually answers 204 without a body (RFC 7644 section 3.5.2), so that the cost does not depend on the size of the
   * group.
   */
  @Patch(':id')
  patch(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async (scim) => {
      const show = this.presentation(request);
      const group = await this.groups.patch(scim, pathId(request, noSuchGroup), request.body);
      const wantsBody = ['attributes', 'excludedAttributes'].some((name) => parameter(request, name) !== undefined);
      // If members were left out, answer with the stored members, because 204 would wrongly report complete success.
      if (!wantsBody && (scim.leftOut?.length ?? 0) === 0) return { status: 204 };
      return { status: 200, body: onePiece(show([group])) };
    });
  }

  @Delete(':id')
  delete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async (scim) => {
      await this.groups.delete(scim, pathId(request, noSuchGroup));
      return { status: 204 };
    });
  }

  private one(
    request: FastifyRequest,
    reply: FastifyReply,
    work: (scim: ScimContext, id: string) => Promise<Group>,
  ): Promise<void> {
    return answer(request, reply, async (scim) => {
      const show = this.presentation(request);
      return { status: 200, body: onePiece(show([await work(scim, pathId(request, noSuchGroup))])) };
    });
  }

  /**
   * Reads `attributes` and `excludedAttributes`. Call this function before anything is written, so that a request
   * with a bad parameter changes nothing.
   */
  private presentation(request: FastifyRequest): (groups: readonly Group[]) => AsyncIterable<ResourcePiece> {
    const project = parseProjection(
      groupSchema,
      parameter(request, 'attributes'),
      parameter(request, 'excludedAttributes'),
    );
    const { baseUrl, tenantId } = request.scim;
    return (groups) => {
      const resources = groups.map((group) => toResource(group, baseUrl));
      if (project?.wants('members') === false) return wholePieces(resources.map(project));
      const ids = groups.map((group) => group.id);
      return resourcePieces(resources, membersOf(this.database, tenantId, ids), {
        name: 'members',
        show: ({ value, display }) => ({ value, display, type: 'User', $ref: `${baseUrl}/Users/${value}` }),
        project,
      });
    };
  }
}

const location = (group: Group, baseUrl: string) => `${baseUrl}/Groups/${group.id}`;

/** Builds a group without its members. */
const toResource = (group: Group, baseUrl: string): Record<string, unknown> => ({
  schemas: [GROUP_SCHEMA],
  id: group.id,
  displayName: group.displayName,
  ...(group.externalId !== null && { externalId: group.externalId }),
  meta: {
    resourceType: 'Group',
    created: group.createdAt.toISOString(),
    lastModified: group.updatedAt.toISOString(),
    location: location(group, baseUrl),
  },
});
