import { topicOf, topics, type EventEnvelope, type Topic } from '#events';
import type { MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { EventContext } from './context.js';

/** Which topics a group consumes; by default all topics that have a handler. */
export interface ChosenTopics {
  readonly topics?: readonly Topic[];
  readonly except?: readonly Topic[];
}

export class Handlers {
  private readonly byPattern = new Map<string, MessageHandler[]>();

  constructor(private readonly chosen: ChosenTopics = {}) {}

  add(pattern: string, handler: MessageHandler): void {
    this.byPattern.set(pattern, [...(this.byPattern.get(pattern) ?? []), handler]);
  }

  /** Throws if a pattern is neither a topic nor an event type. */
  topics(): Topic[] {
    const wanted = new Set<Topic>();
    for (const pattern of this.byPattern.keys()) {
      const topic = topics.find((t) => t === pattern) ?? topicOf(pattern);
      if (topic === undefined)
        throw new Error(
          `@EventPattern('${pattern}') is neither a topic nor an event type; topics are ${topics.join(', ')}`,
        );
      if (this.chosen.topics?.includes(topic) !== false && !this.chosen.except?.includes(topic)) wanted.add(topic);
    }
    if (wanted.size === 0)
      throw new Error('this consumer has no @EventPattern handler for any topic, so it would do nothing');
    return [...wanted].sort();
  }

  /** Returns the handlers of the exact event type or, if there are none, the handlers of the topic. */
  for(event: EventEnvelope, topic: string): readonly MessageHandler[] {
    return this.byPattern.get(event.type) ?? this.byPattern.get(topic) ?? [];
  }
}

export async function invoke(
  handlers: readonly MessageHandler[],
  event: EventEnvelope,
  context: EventContext,
): Promise<void> {
  for (const handler of handlers) {
    try {
      const result: unknown = await handler(event, context);
      if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
    } catch (error) {
      throw error instanceof Error ? error : new Error(describe(error));
    }
  }
}

const describe = (thrown: unknown): string =>
  typeof thrown === 'object' && thrown !== null && 'message' in thrown ? String(thrown.message) : String(thrown);
