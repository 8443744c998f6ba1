/**
 * A service in the test's process, with the real guard on the real topic. It checks the tokens of all people again and
 * again, and records violations: an accepted token whose `iat` is before a fence that the service has seen.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AccessGuard, busFeed, type AccessDenied, type AccessFeed, type AccessRecord } from '#access-guard';
import { createLogger } from '#platform';
import { Issuer, nowSeconds } from '../guard/issuer.js';

/** The oldest token stays; the others are replaced. */
const KEPT = 6;
const PAUSE_MS = 100;

interface Held {
  readonly token: string;
  readonly issuedAt: number;
}

export class TokenWatch {
  readonly revived: string[] = [];
  accepted = 0;
  refused = 0;
  /** The latest fence of each account in milliseconds, as far as this service has learned. */
  readonly fences = new Map<string, number>();
  private readonly tokens = new Map<string, Held[]>();
  private watching: Promise<void> = Promise.resolve();
  private stopped = false;

  private constructor(
    private readonly issuer: Issuer,
    readonly guard: AccessGuard,
  ) {}

  static async start(url: string): Promise<TokenWatch> {
    const issuer = await Issuer.start();
    const logger = createLogger('test', 'silent');
    const real = busFeed({ carrier: 'postgres', url }, { name: 'token-watch', logger });
    const onRecord = (record: AccessRecord): void => watch.note(record);
    const guard = new AccessGuard({
      issuer: issuer.issuer,
      jwksUri: issuer.jwksUri,
      clientIds: [issuer.clientId],
      audience: null,
      feed: overheard(real, onRecord),
      logger,
    });
    const watch = new TokenWatch(issuer, guard);
    guard.start();
    watch.watching = watch.watch();
    return watch;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.watching;
    await this.guard.close();
    await this.issuer.close();
  }

  /** Issues a token as Cognito would now. */
  issue(accountId: string): void {
    const issuedAt = nowSeconds();
    const token = this.issuer.accessToken(accountId, { iat: issuedAt, exp: issuedAt + 3_600 });
    const [oldest, ...others] = [...(this.tokens.get(accountId) ?? []), { token, issuedAt }];
    if (oldest) this.tokens.set(accountId, [oldest, ...others.slice(1 - KEPT)]);
  }

  /** True if the youngest token of the account is accepted now; otherwise the reason. */
  async admits(accountId: string): Promise<true | string> {
    const youngest = this.tokens.get(accountId)?.at(-1);
    return youngest ? this.ask(accountId, youngest) : 'no token';
  }

  private note({ accountId, status, notBefore }: AccessRecord): void {
    if (status !== 'active' && notBefore !== null)
      this.fences.set(accountId, Math.max(notBefore, this.fences.get(accountId) ?? 0));
  }

  private async watch(): Promise<void> {
    while (!this.stopped) {
      await this.round();
      await sleep(PAUSE_MS);
    }
  }

  async round(): Promise<void> {
    for (const [accountId, tokens] of this.tokens)
      for (const held of tokens) {
        if ((await this.ask(accountId, held)) === true) this.accepted++;
        else this.refused++;
      }
  }

  private async ask(accountId: string, { token, issuedAt }: Held): Promise<true | string> {
    const fence = this.fences.get(accountId) ?? Number.NEGATIVE_INFINITY;
    const answer = await this.guard.authorize(`Bearer ${token}`).then(
      () => true as const,
      (denied: AccessDenied) => denied.reason,
    );
    if (answer === true && issuedAt * 1000 < fence)
      this.revived.push(`${accountId}: a token of ${issuedAt} is accepted after the fence of ${fence}`);
    return answer;
  }
}

/** Passes the feed on unchanged. The listener runs after the view has applied a record. */
function overheard(feed: AccessFeed, listener: (record: AccessRecord) => void): AccessFeed {
  return {
    start: (sink) =>
      feed.start({
        changed: (record) => {
          sink.changed(record);
          listener(record);
        },
        removed: (tenantId, accountId) => sink.removed(tenantId, accountId),
        unreadable: (tenantId, accountId, why) => sink.unreadable(tenantId, accountId, why),
      }),
    completeAt: () => feed.completeAt(),
    close: () => feed.close(),
  };
}
