/**
 * Shows which groups the mappings by name are pinned to, and confirms groups that wait. One transaction changes the pin
 * and requests a re-evaluation, which then gives and takes the roles.
 */
import { Inject, Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { GroupPinList, GroupPinView, WaitingGroupView } from '#contracts';
import { Database, LOGGER, Metrics, type Logger } from '#platform';
import { lockTenantExclusively } from '../accounts/locks.sql.js';
import { requestReevaluation } from '../accounts/reevaluation.sql.js';
import { Reevaluator } from '../accounts/reevaluator.js';
import {
  confirmPin,
  pinsOfTenant,
  waitingByRole,
  waitingOfTenant,
  type PinRow,
  type WaitingGroup,
} from './pins.sql.js';

/** Values of the label `role` of the metric. */
const ROLES = ['strongest', 'other'] as const;

@Injectable()
export class GroupPins {
  constructor(
    private readonly database: Database,
    private readonly reevaluator: Reevaluator,
    @Inject(LOGGER) private readonly logger: Logger,
    metrics: Metrics,
  ) {
    metrics.gauge(
      'identity_waiting_groups',
      'Groups that bear a mapped name but wait for an administrator; raise an alarm for any with the strongest role',
      ['role'],
      async (gauge) => {
        const rows = await database.query<{ role: string; groups: number }>(waitingByRole);
        for (const role of ROLES) gauge.set({ role }, rows.find((row) => row.role === role)?.groups ?? 0);
      },
    );
  }

  async list(tenant: string): Promise<GroupPinList> {
    const pins = await this.database.query<PinRow>(pinsOfTenant, [tenant]);
    const waiting = await this.database.query<WaitingGroup>(waitingOfTenant, [tenant]);
    return { pins: pins.map(pinView), waiting: waiting.map(waitingView) };
  }

  /** Resolves with the number of mappings that this call gave to the group; 0 if the group does not wait. */
  async confirm(tenant: string, group: string, by: string): Promise<number> {
    const pinned = await this.database.tx(async (tx) => {
      await lockTenantExclusively(tx, tenant);
      const rows = await tx.query<{ name_key: string; before: string }>(confirmPin, [tenant, group, by]);
      const causationId = `confirmation:${randomUUID()}`;
      for (const groupId of new Set(rows.flatMap(({ before }) => [before, group]))) {
        const cause = { type: 'group.confirmed', groupId, causationId };
        await requestReevaluation(tx, tenant, null, { cause, traceparent: null });
      }
      return rows.map((row) => row.name_key);
    });
    if (pinned.length === 0) return 0;
    this.reevaluator.wake();
    const about = { tenant, code: 'group_confirmed', by, group, mappings: pinned };
    this.logger.info(about, 'An administrator confirmed a group. Its members now get the mapped roles.');
    return pinned.length;
  }
}

/** The key is `name:` and the name in lower case. */
const nameOf = (key: string): string => key.slice('name:'.length);

const pinView = ({
  name_key,
  groupId,
  name,
  deleted,
  pinnedAt,
  confirmed,
  confirmedBy,
  roles,
}: PinRow): GroupPinView => ({
  mappedName: nameOf(name_key),
  roles: [...roles],
  group: groupId,
  name,
  deleted,
  pinnedAt,
  confirmed,
  confirmedBy,
});

const waitingView = ({ name_key, groupId, name, roles, strongest, members }: WaitingGroup): WaitingGroupView => ({
  mappedName: nameOf(name_key),
  roles: [...roles],
  group: groupId,
  name,
  strongest,
  members,
});
