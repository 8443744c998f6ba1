import { PoisonEvent } from './context.js';
import { catalog, schemaOf, topicOf, type EventData, type EventEnvelope, type EventType, type Topic } from '#events';

type DataOf<T extends Topic> = EventData<keyof (typeof catalog)[T] & EventType>;

/**
 * Returns null if this version does not know the event type, e.g. because a newer service published the event. Handlers
 * ignore such events. Throws {@link PoisonEvent} if the data does not match the schema.
 */
export function parseData<T extends Topic>(event: EventEnvelope, topic: T): DataOf<T> | null {
  if (topicOf(event.type) !== topic) return null;
  const parsed = schemaOf(event.type)?.safeParse(event.data);
  if (parsed?.success) return parsed.data as DataOf<T>;
  const issue = parsed?.error.issues[0];
  throw new PoisonEvent(
    `${event.type} ${event.id} has data that its schema does not allow: ${issue ? `${issue.path.join('.')}: ${issue.message}` : 'no schema'}`,
  );
}

/** `com.stackflow.directory.group.members-changed.v1` -> `group.members-changed`. */
export const shortType = (event: Pick<EventEnvelope, 'type'>): string => event.type.split('.').slice(-3, -1).join('.');
