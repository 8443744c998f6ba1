import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { GroupMembersPage, GroupMembersQuery, GroupPath } from '#contracts';
import { Database, InternalApi, Needs, Problem } from '#platform';
import { memberPage } from '../resources/groups/membership.sql.js';

const PAGE = 1_000;

/** Answers consumers of `directory.groups` that do not know the members of a group. */
@ApiTags('groups')
@InternalApi()
@Controller('internal/tenants/:tenant/groups/:id/members')
export class GroupMembersController {
  constructor(private readonly database: Database) {}

  @Get()
  @Needs('members')
  @ApiOkResponse({ type: GroupMembersPage })
  async page(
    @Param() { tenant, id }: GroupPath,
    @Query() { after, limit = PAGE }: GroupMembersQuery,
  ): Promise<GroupMembersPage> {
    const page = await memberPage(this.database, tenant, id, after ?? null, limit + 1);
    if (!page) throw new Problem('not_found', 'The tenant has no such group.', undefined, { tenant, group: id });
    const members = page.members.slice(0, limit);
    return { version: page.version, members, next: page.members.length > limit ? (members.at(-1) ?? null) : null };
  }
}
