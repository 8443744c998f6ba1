import type { NewEvent } from '#event-bus';
import type { EventData } from '#events';
import type { ScimContext } from '../http/context.js';

type DirectoryEventType = Extract<NewEvent['type'], `com.stackflow.directory.${string}`>;

/** The request and the time of a change. Events carry them as `causationid` and `time`. */
export interface Cause {
  readonly requestId: string;
  readonly at: Date;
}

export const causeOf = ({ id }: ScimContext): Cause => ({ requestId: id, at: new Date() });

export const directoryEvent = <T extends DirectoryEventType>(
  type: T,
  { id, tenantId, version }: { readonly id: string; readonly tenantId: string; readonly version: number },
  data: EventData<T>,
  { requestId, at }: Cause,
): NewEvent => ({ type, tenant: tenantId, subject: id, sequence: version, causationId: requestId, time: at, data });
