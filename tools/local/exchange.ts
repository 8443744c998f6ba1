/** A service that may exchange tokens, to try it with: registered by the same command that an operator would use. */
import { runCli } from '../../apps/auth-service/src/cli.js';
import type { Secrets, StackDescription, StackFolder } from './folder.js';
import { DOMAIN, EXCHANGE_SCOPE } from './okta-connection.js';
import { LocalProblem } from './problem.js';
import type { StackSetup } from './setup.js';

type Tenant = StackDescription['tenants'][number];

const CLIENT = 'example-service';
const AUDIENCE = 'incident-service';

/** The same at every start; null where another Okta than the sandbox is connected, whose apps nobody here knows. */
export async function exampleExchange(
  s: StackSetup,
  folder: StackFolder,
  secrets: Secrets,
  tenant: Tenant,
): Promise<StackDescription['exchange']> {
  const app = secrets.ssoClients[tenant.id];
  if (app === undefined || s.base.OKTA_ENDPOINT || s.base.OKTA_ISSUER_OVERRIDE) return null;
  const of = ['--tenant', tenant.id];
  const server = ['--issuer', `https://${DOMAIN}/oauth2/default`, '--audience', 'api://default'];
  await obo(s, ['set-source', ...of, ...server, '--client-id', app, '--scope', EXCHANGE_SCOPE]);
  const known = (await obo<{ id: string }[]>(s, ['list'])).some(({ id }) => id === CLIENT);
  const remembered = secrets.exampleClients[tenant.id];
  if (!known || remembered === undefined) {
    const make = known ? ['rotate-secret', CLIENT, '--grace', '0'] : ['add', CLIENT, ...of, '--audience', AUDIENCE];
    const made = await obo<{ clientSecret: string }>(s, known ? make : [...make, '--id-tokens']);
    folder.remember(secrets, 'exampleClients', tenant.id, made.clientSecret);
  }
  const { endpoints } = await obo<{ endpoints: string[] }>(s, ['show', CLIENT]);
  const clientSecret = secrets.exampleClients[tenant.id] ?? '';
  return { endpoint: endpoints[0] ?? '', clientId: CLIENT, clientSecret, audience: AUDIENCE };
}

/** `npm run obo -- ...`, run in the launcher's process. */
async function obo<T>(s: StackSetup, args: readonly string[]): Promise<T> {
  let out = '';
  let err = '';
  const where = ['--url', `http://localhost:${s.ports['auth-service']}`, '--token', s.internalToken];
  const code = await runCli([...args, ...where, '--json'], {
    out: (text) => (out += text),
    err: (text) => (err += text),
  });
  if (code !== 0) throw new LocalProblem(`"obo ${args.join(' ')}" ended with code ${code}: ${err.trim()}`);
  return JSON.parse(out) as T;
}
