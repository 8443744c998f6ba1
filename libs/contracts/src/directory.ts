/** scim-gateway's internal API: the log of the SCIM requests that it answered, and the members of groups. */
import { TenantPath } from './common.js';
import { Flag, Instant, Measure, NestedList, OneOf, Text, TextList, Uuid, UuidList, Whole } from './fields.js';

export const SCIM_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export const SCIM_ENDPOINTS = ['Users', 'Groups', 'ServiceProviderConfig', 'ResourceTypes', 'Schemas'] as const;

/** Query of `GET /internal/tenants/{tenant}/requests`. A request is listed if it matches all given filters. */
export class ScimRequestQuery {
  @Text({
    optional: true,
    max: 100,
    description: 'Id of the user or group that the request named in its path or created.',
  })
  resourceId?: string;

  @OneOf(SCIM_ENDPOINTS, { optional: true, description: 'Endpoint that was called.' })
  resourceType?: (typeof SCIM_ENDPOINTS)[number];

  @OneOf(SCIM_METHODS, { optional: true }) method?: (typeof SCIM_METHODS)[number];

  @Whole({ optional: true, min: 100, max: 599, description: 'Lowest HTTP status; 400 shows refused requests only.' })
  statusAtLeast?: number;

  @Instant({ optional: true, description: 'Only requests that were received at this instant or later.' })
  since?: string;

  @Whole({ optional: true, min: 1, max: 500, description: 'Length of the page; 50 by default.' }) limit?: number;
  @Text({ optional: true, description: '`nextCursor` of the previous page.' }) cursor?: string;
}

/** One SCIM request and its response. Bodies are never stored. */
export class ScimRequestView {
  @Uuid({
    description: 'X-Request-Id of the response. It is also the causation id of the events that the request caused.',
  })
  id!: string;
  @Instant({ description: 'When the request was received.' }) at!: Date;
  @Text({ example: 'PATCH' }) method!: string;
  @Text({ max: 500, description: 'Path and query as the client sent them.' }) url!: string;

  @Text({ nullable: true, description: 'Endpoint that was called. Null means that no such endpoint exists.' })
  resourceType!: string | null;

  @Text({ nullable: true, max: 100 }) resourceId!: string | null;
  @Whole({ description: 'HTTP status of the response.' }) status!: number;
  @Measure({ description: 'Milliseconds from the headers of the request to the end of the response.' })
  durationMs!: number;

  @Text({ nullable: true, description: 'Error keyword of the response (RFC 7644 section 3.12).' })
  scimType!: string | null;

  @Text({
    nullable: true,
    max: 1_000,
    description: 'Error text that Okta shows to its administrator, or a remark about a request that succeeded.',
  })
  detail!: string | null;

  @TextList({
    maxItems: 100,
    description: 'Ids of the first members that were not stored, because no such user exists.',
  })
  leftOut!: string[];

  @Whole({ description: 'Number of all members that were not stored.' }) leftOutCount!: number;
  @Flag({ description: 'True if the whole response was written before the connection ended.' }) delivered!: boolean;
  @Text({ nullable: true, max: 200 }) userAgent!: string | null;

  @Whole({
    description:
      'Number of requests that this entry stands for. Refusals of one kind (403, 429 or 503) share the entry of the first one for a minute.',
  })
  repeats!: number;
}

export class ScimRequestPage {
  @NestedList(() => ScimRequestView, { description: 'SCIM requests, newest first.' }) requests!: ScimRequestView[];

  @Text({
    nullable: true,
    description: 'Pass this value as `cursor` to read the next page. Null means that this page is the last.',
  })
  nextCursor!: string | null;
}

export class GroupPath extends TenantPath {
  @Uuid({ description: 'SCIM id of the group.' }) id!: string;
}

/** Query of `GET /internal/tenants/{tenant}/groups/{id}/members`. */
export class GroupMembersQuery {
  @Uuid({ optional: true, description: '`next` of the previous page.' }) after?: string;
  @Whole({ optional: true, min: 1, max: 10_000, description: 'Length of the page; 1,000 by default.' }) limit?: number;
}

/** The members of a group at one version of the group. */
export class GroupMembersPage {
  @Whole({ min: 1, description: "The group's version at the moment of the read: the `sequence` of its last event." })
  version!: number;

  @UuidList({ description: 'Ids of the members after `after`, in the order of their ids.' }) members!: string[];

  @Uuid({
    nullable: true,
    description: 'Pass this value as `after` to read the next page. Null means that this page is the last.',
  })
  next!: string | null;
}
