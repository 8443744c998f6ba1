/** Typed client for the event bus API, which every service with events has. */
import type { InternalClient } from './client.js';
import type {
  EventBusState,
  EventKeyQuery,
  EventKeyState,
  ParkedKeyChange,
  ParkedPage,
  ParkedQuery,
  ReplayedEvents,
  ReplayEvents,
  RetriedKeys,
  RetryParked,
  SkipParked,
} from './events.js';

export class EventBusClient {
  constructor(private readonly api: InternalClient) {}

  state(): Promise<EventBusState> {
    return this.api.call('GET', '/internal/events');
  }

  /** `key` is `tenant:subject`, or the id of the subject alone. */
  key(key: string, query: EventKeyQuery = {}): Promise<EventKeyState> {
    return this.api.call('GET', `/internal/events/keys/${encodeURIComponent(key)}`, { query: { ...query } });
  }

  parked(query: ParkedQuery = {}): Promise<ParkedPage> {
    return this.api.call('GET', '/internal/events/parked', { query: { ...query } });
  }

  retry(body: RetryParked): Promise<RetriedKeys> {
    return this.api.call('POST', '/internal/events/parked/retry', { body });
  }

  skip(body: SkipParked): Promise<ParkedKeyChange> {
    return this.api.call('POST', '/internal/events/parked/skip', { body });
  }

  /** Resolves when all events are queued. A whole topic takes minutes, so give the client a longer time limit. */
  replay(body: ReplayEvents): Promise<ReplayedEvents> {
    return this.api.call('POST', '/internal/events/replay', { body });
  }
}
