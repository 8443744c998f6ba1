/** `/internal/tenants/:tenant/group-pins`: shows the groups of the mappings by name, and confirms groups that wait. */
import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { ConfirmGroupBody, GroupConfirmed, GroupPinList, TenantPath } from '#contracts';
import { CalledBy, type Caller, InternalApi, Needs } from '#platform';
import { GroupPins } from '../pins/group-pins.js';

@InternalApi()
@Controller('internal/tenants/:tenant/group-pins')
export class GroupPinsController {
  constructor(private readonly pins: GroupPins) {}

  @Get()
  @ApiOkResponse({ type: GroupPinList })
  list(@Param() { tenant }: TenantPath): Promise<GroupPinList> {
    return this.pins.list(tenant);
  }

  @Post('confirm')
  @Needs('operate')
  @HttpCode(200)
  @ApiOkResponse({ type: GroupConfirmed })
  async confirm(
    @Param() { tenant }: TenantPath,
    @Body() { group, by }: ConfirmGroupBody,
    @CalledBy() caller: Caller,
  ): Promise<GroupConfirmed> {
    return { confirmed: await this.pins.confirm(tenant, group, caller.onBehalfOf(by)) };
  }
}
