/**
 * CloudEvents 1.0 attributes of every event: `ce_*` headers on Kafka (binary mode), columns of the same names in the
 * Postgres event log. Source: https://github.com/cloudevents/spec/blob/v1.0.2 (core, Kafka binding).
 */
import type { EventData, EventType } from './catalog.js';

export interface EventEnvelope<T extends EventType = EventType> {
  /** UUIDv7, unique for ever; a redelivery has the same id. */
  readonly id: string;
  readonly type: T;
  /** The publishing service, e.g. `/stackflow/scim-gateway`. */
  readonly source: string;
  /** Id of the user, group, account or tenant that the event is about. */
  readonly subject: string;
  /** Time of the change (not of its publication), as RFC 3339. */
  readonly time: string;
  readonly tenant: string;
  /** `tenant:subject`; the partitioning key. Events of one key are delivered in the order of `sequence`. */
  readonly key: string;
  /** Version of the subject after this change; grows by one with each event of a key. */
  readonly sequence: number;
  /** The cause: the id of a SCIM request, `settings:<version>`, or `<caller>: <person>`. */
  readonly causationid: string;
  /** W3C trace context of the change. */
  readonly traceparent: string | null;
  readonly data: EventData<T>;
}

/** The CloudEvents source of the events of a service. */
export const eventSource = (service: string): string => `/stackflow/${service}`;

export const eventKey = (tenant: string, subject: string): string => `${tenant}:${subject}`;
