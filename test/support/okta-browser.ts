/** A person's browser at the sandbox Okta, driven by fetch. Shares no code with the product or the sandbox. */
export class OktaBrowser {
  readonly cookies = new Map<string, string>();

  /** Keeps cookies and follows no redirect on its own. */
  async visit(url: string | URL, form?: Readonly<Record<string, string>>): Promise<Response> {
    const cookie = [...this.cookies].map((pair) => pair.join('=')).join('; ');
    const body = form && new URLSearchParams(form);
    const init = { redirect: 'manual' as const, headers: cookie === '' ? {} : { cookie } };
    const response = await fetch(url, body ? { ...init, method: 'POST', body } : init);
    for (const set of response.headers.getSetCookie()) {
      const [pair = ''] = set.split(';');
      const at = pair.indexOf('=');
      if (/Max-Age=0/.test(set)) this.cookies.delete(pair.slice(0, at));
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }

  /** Opens `url`, and submits the sign-in page if it is shown. Resolves with the last answer. */
  async signIn(url: string | URL, login: string): Promise<Response> {
    const response = await this.visit(url);
    return response.status === 200 ? this.enter(new URL(url).origin, await response.text(), login) : response;
  }

  /** Submits the sign-in page. */
  enter(origin: string, page: string, username: string): Promise<Response> {
    const stateToken = /name="stateToken" value="([^"]+)"/.exec(page)?.[1] ?? '';
    return this.visit(`${origin}/signin`, { stateToken, username });
  }
}
