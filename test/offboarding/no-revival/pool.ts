/**
 * A model of Cognito's access: users, sessions of refresh tokens, and calls that take effect late. Its own clock may be
 * minutes wrong. Order is decided by `tick`, never by a clock.
 */

/** A call without an answer takes effect within this time, or never; the client gives up on it then. */
export const LONGEST_CALL_MS = 5_000;

export interface Session {
  readonly person: number;
  readonly tick: number;
  revoked: boolean;
}

export interface Token {
  readonly person: number;
  /** Seconds, by Cognito's clock. */
  readonly issuedAt: number;
  readonly tick: number;
}

export type Operation = 'disable' | 'sign-out' | 'confirm' | 'enable';

export interface Call {
  readonly person: number;
  readonly operation: Operation;
  readonly sentAt: number;
  /** Undefined = no effect yet; `seen`: whether the user is enabled afterwards, null = there is no user. */
  result?: { readonly seen: boolean | null; readonly at: number; readonly tick: number };
}

export class Pool {
  readonly enabled = new Map<number, boolean>();
  readonly sessions: Session[] = [];
  readonly tokens: Token[] = [];

  constructor(
    private readonly time: { readonly now: number; tick(): number },
    private readonly skewMs: number,
  ) {}

  /** Whether its clock is ahead of ours. */
  get isAhead(): boolean {
    return this.skewMs > 0;
  }

  get now(): number {
    return this.time.now + this.skewMs;
  }

  create(person: number): void {
    if (!this.enabled.has(person)) this.enabled.set(person, true);
  }

  signIn(person: number): void {
    if (!this.enabled.get(person)) return;
    this.sessions.push({ person, tick: this.time.tick(), revoked: false });
    this.issue(person);
  }

  refresh(person: number): void {
    const alive = this.sessions.some((session) => session.person === person && !session.revoked);
    if (alive && this.enabled.get(person)) this.issue(person);
  }

  private issue(person: number): void {
    this.tokens.push({ person, issuedAt: Math.floor(this.now / 1000), tick: this.time.tick() });
  }

  mayLand(call: Call): boolean {
    return call.result === undefined && this.time.now <= call.sentAt + LONGEST_CALL_MS;
  }

  /** The call takes effect. `at`: the Date header, in whole seconds. */
  land(call: Call): void {
    if (!this.mayLand(call)) return;
    const { person, operation } = call;
    if (this.enabled.has(person) && operation === 'disable') this.enabled.set(person, false);
    if (this.enabled.has(person) && operation === 'enable') this.enabled.set(person, true);
    if (operation === 'sign-out')
      for (const session of this.sessions) if (session.person === person) session.revoked = true;
    call.result = {
      seen: this.enabled.get(person) ?? null,
      at: Math.floor(this.now / 1000) * 1000,
      tick: this.time.tick(),
    };
  }
}
