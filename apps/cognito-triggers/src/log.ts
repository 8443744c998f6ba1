/** One line of a trigger's log: JSON, with a code to search for. Never a token. */
export interface TriggerLogEntry {
  readonly code: string;
  readonly message: string;
  readonly tenant: string | undefined;
  readonly userName: string;
  readonly clientId: string;
}

export type TriggerLog = (entry: TriggerLogEntry) => void;
