/** A scope allows a caller a kind of action. Every route of an internal API needs exactly one of these scopes. */
export const SCOPES = [
  /** Read everything that the internal API shows. */
  'read',
  /** Change settings, release what the brake holds, compare, retry and publish again. */
  'operate',
  /** Retry, skip and replay events. */
  'events',
  /** Sign a person out everywhere, and learn when it is done. */
  'sign-out',
  /** Read who is a member of a group, and nothing else. */
  'members',
  /** Report that a token was refused, and nothing else. */
  'report-refusals',
] as const;
export type Scope = (typeof SCOPES)[number];

export const isScope = (text: string): text is Scope => (SCOPES as readonly string[]).includes(text);
