/** An org of the sandbox Okta with people in any state, and a client of its Management API. */
import { Metrics } from '#platform';
import { OktaManagement, type OktaManagementOptions } from '#okta';
import type { Call } from '../../apps/sandbox/src/control/call-log.js';
import { oktaId } from '../../apps/sandbox/src/okta/model.js';
import { control, type RunningSandbox } from '../support/sandbox.js';
import { Client } from 'pg';

const metrics = new Metrics('test', { process: false });
let made = 0;

export class Org {
  private constructor(
    private readonly running: RunningSandbox,
    readonly slug: string,
    readonly appId: string,
    readonly token: string,
  ) {}

  static async create(running: RunningSandbox, scimBaseUrl: string): Promise<Org> {
    const slug = `org-${++made}`;
    const { okta } = running.sandbox.endpoints;
    await control(okta, 'PUT', `apps/${slug}`, { scimBaseUrl, token: 't', mode: 'oin' });
    const created = await control<{ appId: string; apiToken: string }>(okta, 'POST', `apps/${slug}/api-token`);
    return new Org(running, slug, created.appId, created.apiToken);
  }

  get url(): string {
    return this.running.sandbox.endpoints.okta;
  }

  ask<T = Record<string, unknown>>(method: string, path: string, body?: object): Promise<T & { error?: string }> {
    return control<T>(this.url, method, `apps/${this.slug}/${path}`, body);
  }

  run(verb: string, login: string): Promise<unknown> {
    return this.ask('POST', verb, { login });
  }

  client(change: Partial<OktaManagementOptions> = {}): OktaManagement {
    return new OktaManagement({
      domain: 'acme.okta.com',
      endpoint: this.url,
      apiToken: this.token,
      metrics,
      ...change,
    });
  }

  get(path: string, token: string | null = this.token): Promise<Response> {
    const address = path.startsWith('http') ? path : `${this.url}/api/v1/${path}`;
    return fetch(address, { headers: token === null ? {} : { authorization: `SSWS ${token}` } });
  }

  /** Adds people who are assigned, active and known to the SCIM server, without pushing them. Resolves with their ids. */
  async addPeople(count: number): Promise<string[]> {
    const ids = Array.from({ length: count }, () => oktaId('00u'));
    const client = new Client({ connectionString: this.running.testDatabase.adminUrl });
    await client.connect();
    await client.query(
      `with p as (insert into sandbox.okta_person (id, slug, login, profile, status)
         select id, $1, id || '@example.com', '{}', 'ACTIVE' from unnest($2::text[]) id returning id)
       insert into sandbox.okta_assignment (person_id, remote_id, assigned) select id, 'scim-' || id, true from p`,
      [this.slug, ids],
    );
    await client.end();
    return ids.sort();
  }

  /** The calls to this org's API since the last {@link forgetCalls}, with their outcomes. */
  async calls(): Promise<readonly string[]> {
    const { calls } = await control<{ calls: Call[] }>(this.url, 'GET', 'calls');
    return calls.map((c) => `${c.operation} ${c.outcome}`);
  }

  async forgetCalls(): Promise<void> {
    await control(this.url, 'DELETE', 'calls');
  }
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
