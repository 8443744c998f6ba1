/** Creates the tenant `default` through the hub's internal API, as an administrator does. */
import type { Secrets, StackDescription, StackFolder } from './folder.js';
import { LocalProblem, stepFailed } from './problem.js';
import { eventually } from './process.js';
import { hubClient, LAUNCHER, type StackSetup } from './setup.js';

const SLUG = 'default';
/** The gateway learns about a new tenant from the event carrier. It already knows a tenant of an earlier start. */
const NEW_LIMIT_MS = 15_000;
const KNOWN_LIMIT_MS = 4_000;

type Tenant = StackDescription['tenants'][number];

/** Creates the tenant. `blank` leaves SCIM off and Okta unconnected, as for a customer who has not begun the setup. */
export async function defaultTenant(
  s: StackSetup,
  folder: StackFolder,
  secrets: Secrets,
  blank: boolean,
): Promise<Tenant> {
  const hub = hubClient(s);
  const { tenant, scimToken } = await hub
    .create({ slug: SLUG, by: LAUNCHER, ifMissing: true, settings: { scimEnabled: !blank } })
    .catch(stepFailed(`Creating the tenant "${SLUG}"`));
  const { id } = tenant;
  const remember = (token: string | undefined): void => {
    if (token !== undefined) folder.remember(secrets, 'scimTokens', id, token);
  };
  const rotate = async (): Promise<void> =>
    remember((await hub.rotateScimToken(SLUG, { by: LAUNCHER, graceMs: 0 })).scimToken?.secret);
  const describe = (): Tenant => ({
    slug: SLUG,
    id,
    origin: s.edge,
    scimBaseUrl: `${s.edge}/prod/api/scim/v2`,
    scimToken: secrets.scimTokens[id] ?? null,
  });
  remember(scimToken?.secret);
  if (!describe().scimToken) await rotate();
  if (!tenant.settings.scimEnabled) return describe();
  // If the secret store was replaced, it contains no hash of the remembered token. The token is then replaced once.
  let status = await firstAnswer(describe(), scimToken ? NEW_LIMIT_MS : KNOWN_LIMIT_MS);
  if (status === 401 && !scimToken) {
    await rotate();
    status = await firstAnswer(describe(), NEW_LIMIT_MS);
  }
  if (status !== 200) {
    throw new LocalProblem(
      `The gateway answers SCIM requests of tenant "${SLUG}" with status ${status}. To start again without data, remove the folder STACK_DIR (${folder.path}).`,
    );
  }
  return describe();
}

/** Returns 200 as soon as the gateway accepts the token, or its last status after the time limit. */
async function firstAnswer(tenant: Tenant, limitMs: number): Promise<number> {
  let status = 0;
  const url = `${tenant.scimBaseUrl}/Users?count=1&filter=${encodeURIComponent('userName eq "nobody"')}`;
  const accepted = async (): Promise<boolean> => {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${tenant.scimToken}` } });
    await answer.body?.cancel();
    status = answer.status;
    return status === 200;
  };
  await eventually(accepted, limitMs, 50);
  return status;
}
