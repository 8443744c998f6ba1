/** The part of deactivation-worker's internal API that signs people out. */
import { z } from 'zod';
import type { Owed } from './sign-outs.sql.js';

const state = z.object({ due: z.boolean(), accessVersion: z.number().int() });
/** As deactivation-worker says it: whether refresh tokens from before live, and which version of the access has the fence. */
export type SignOutState = z.infer<typeof state>;

const TIMEOUT_MS = 5_000;

export class WorkerApi {
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  /** It is durable there when it resolves. Rejects for whatever else; asked twice it does it twice. */
  ask(owed: Owed): Promise<SignOutState> {
    return this.call(owed, { by: 'auth-service', causationId: `universal-logout:${owed.logout}` });
  }

  state(owed: Owed): Promise<SignOutState> {
    return this.call(owed);
  }

  private async call({ tenant, account }: Owed, body?: object): Promise<SignOutState> {
    const url = new URL(`/internal/tenants/${tenant}/accounts/${account}/sign-out`, this.url);
    const answer = await fetch(url, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${this.token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`deactivation-worker answers ${answer.status}: ${text.slice(0, 200)}`);
    return state.parse(JSON.parse(text));
  }
}
