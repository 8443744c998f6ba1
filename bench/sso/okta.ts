/** Client of the part of the sandbox Okta's control API that a run needs. */

/** Okta sends few concurrent requests, and more would only wait. */
const AT_ONCE = 8;

export class SandboxOkta {
  constructor(
    readonly origin: string,
    private readonly slug: string,
  ) {}

  async assign(logins: readonly string[]): Promise<void> {
    await each(logins, (login) => this.call('POST', '/assign', { login }));
  }

  /** Creates the OIDC app. The sandbox shows its secret only in this answer. */
  async client(redirectUri: string): Promise<{ clientId: string; clientSecret: string }> {
    const answer = await this.call('PUT', '/oidc-client', { redirectUris: [redirectUri] });
    return answer as { clientId: string; clientSecret: string };
  }

  /** Returns tokens of the custom authorization server, as after a login, in the order of `logins`. */
  accessTokens(logins: readonly string[]): Promise<string[]> {
    return each(logins, async (login) => {
      const answer = await this.call('POST', '/oidc-client/tokens', { login, server: 'default', scopes: ['openid'] });
      return (answer as { access_token: string }).access_token;
    });
  }

  async call(method: string, where: string, body: object): Promise<unknown> {
    const answer = await fetch(`${this.origin}/sandbox/apps/${this.slug}${where}`, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    const parsed = JSON.parse(text) as { ok?: boolean };
    if (!answer.ok || parsed.ok === false)
      throw new Error(`the sandbox Okta: ${method} ${where}: ${text.slice(0, 500)}`);
    return parsed;
  }
}

async function each<T>(logins: readonly string[], work: (login: string) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < logins.length; i = next++) results[i] = await work(logins[i] ?? '');
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
