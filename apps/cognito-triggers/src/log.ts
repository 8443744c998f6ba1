/** One line of a trigger's log, with a code to search for. It never contains a token. */
export interface TriggerLogEntry {
  readonly code: string;
  readonly message: string;
  readonly tenant: string | undefined;
  readonly userName: string;
  readonly clientId: string;
}

export type TriggerLog = (entry: TriggerLogEntry) => void;
