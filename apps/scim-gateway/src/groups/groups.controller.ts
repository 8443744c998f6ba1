/** `/Groups` (RFC 7644 section 3). */
import { Controller, Delete, Get, Inject, Patch, Post, Put, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PLATFORM, type PlatformContext } from '#platform';
import { GROUP_SCHEMA, groupSchema, listResponse, parseFilter, parsePage, parseProjection } from '#scim';
import { answer, parameter, resourceId, type ScimRequest } from '../http/scim-request.js';
import { GroupsService, noSuchGroup } from './groups.service.js';
import { listGroups, membersOf, type GroupRow, type Member } from './groups.sql.js';

@Controller('scim/v2/Groups')
export class GroupsController {
  constructor(
    @Inject(PLATFORM) private readonly platform: PlatformContext,
    @Inject(GroupsService) private readonly groups: GroupsService,
  ) {}

  @Get()
  list(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async (scim) => {
      const text = parameter(request, 'filter');
      const filter = text === undefined || text === '' ? undefined : parseFilter(text);
      const page = parsePage(parameter(request, 'startIndex'), parameter(request, 'count'));
      const show = this.presentation(request);
      const { groups, total } = await listGroups(this.platform.database, scim.tenantId, filter, page);
      return { status: 200, body: listResponse(await show(groups), total, page.startIndex) };
    });
  }

  @Post()
  create(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async (scim) => {
      const show = this.presentation(request);
      const group = await this.groups.create(scim, request.body);
      scim.resourceId = group.id;
      const [body] = await show([group]);
      return { status: 201, body, location: location(group, scim.baseUrl) };
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

  /** 204 without a body, so that a change of one member in 100,000 costs what the change costs; RFC 7644 section 3.5.2. */
  @Patch(':id')
  patch(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async (scim) => {
      const show = this.presentation(request);
      const group = await this.groups.patch(scim, idOf(request), request.body);
      const asked = ['attributes', 'excludedAttributes'].some((name) => parameter(request, name) !== undefined);
      // Success must not be reported falsely: if members were left out, the answer shows what is stored.
      if (!asked && (scim.leftOut?.length ?? 0) === 0) return { status: 204 };
      const [body] = await show([group]);
      return { status: 200, body };
    });
  }

  @Delete(':id')
  delete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async (scim) => {
      await this.groups.delete(scim, idOf(request));
      return { status: 204 };
    });
  }

  private one(
    request: FastifyRequest,
    reply: FastifyReply,
    work: (scim: ScimRequest, id: string) => Promise<GroupRow>,
  ): Promise<void> {
    return answer(request, reply, async (scim) => {
      const show = this.presentation(request);
      const [body] = await show([await work(scim, idOf(request))]);
      return { status: 200, body };
    });
  }

  /** Made before anything is written, so that a bad parameter refuses the request as a whole. */
  private presentation(request: FastifyRequest): (groups: readonly GroupRow[]) => Promise<Record<string, unknown>[]> {
    const project = parseProjection(
      groupSchema,
      parameter(request, 'attributes'),
      parameter(request, 'excludedAttributes'),
    );
    const { baseUrl, tenantId } = request.scim;
    return async (groups) => {
      const members =
        (project?.wants('members') ?? true)
          ? await membersOf(
              this.platform.database,
              tenantId,
              groups.map((group) => group.id),
            )
          : undefined;
      return groups.map((group) => {
        const resource = toResource(group, members?.get(group.id), baseUrl);
        return project ? project(resource) : resource;
      });
    };
  }
}

function idOf(request: FastifyRequest): string {
  const { id = '' } = request.params as { id?: string };
  request.scim.resourceId = id;
  const known = resourceId(id);
  if (known === undefined) throw noSuchGroup(id);
  return known;
}

const location = (group: GroupRow, baseUrl: string) => `${baseUrl}/Groups/${group.id}`;

function toResource(group: GroupRow, members: readonly Member[] | undefined, baseUrl: string): Record<string, unknown> {
  return {
    schemas: [GROUP_SCHEMA],
    id: group.id,
    displayName: group.displayName,
    ...(group.externalId !== null && { externalId: group.externalId }),
    ...(members && {
      members: members.map(({ value, display }) => ({
        value,
        display,
        type: 'User',
        $ref: `${baseUrl}/Users/${value}`,
      })),
    }),
    meta: {
      resourceType: 'Group',
      created: group.createdAt.toISOString(),
      lastModified: group.updatedAt.toISOString(),
      location: location(group, baseUrl),
    },
  };
}
