/** Creates the tenant `default` through the hub's internal API, as an administrator does. */
import type { Secrets, StackDescription, StackFolder } from './folder.js';
import { LocalProblem, stepFailed } from './problem.js';
import { eventually } from './process.js';
import { hubClient, LAUNCHER, type StackSetup } from './setup.js';

const SLUG = 'default';
/** The gateway learns about a new tenant from the event carrier. */
const NEW_LIMIT_MS = 15_000;
/** A refusal of a known token is final after a few tries, which the event of a recent rotation may need. */
const TRIES = 3;

type Tenant = StackDescription['tenants'][number];

/** Creates the tenant. `blank` leaves SCIM off and Okta unconnected, as for a customer who has not begun the setup. */
export async function defaultTenant(
  s: StackSetup,
  folder: StackFolder,
  secrets: Secrets,
  { blank, say }: { readonly blank: boolean; readonly say: (text: string) => void },
): Promise<{ readonly tenant: Tenant; readonly newToken: boolean }> {
  const { tenant: created, scimToken } = await hubClient(s)
    .create({ slug: SLUG, by: LAUNCHER, ifMissing: true, settings: { scimEnabled: !blank } })
    .catch(stepFailed(`Creating the tenant "${SLUG}"`));
  const { id } = created;
  const newToken = scimToken !== null;
  if (newToken) folder.remember(secrets, 'scimTokens', id, scimToken.secret);
  const tenant: Tenant = {
    slug: SLUG,
    id,
    origin: s.edge,
    scimBaseUrl: `${s.edge}/prod/api/scim/v2`,
    scimToken: secrets.scimTokens[id] ?? null,
  };
  if (created.settings.scimEnabled) {
    const status = await answerOfGateway(tenant, newToken);
    if (status === 401) say(REFUSED);
    else if (status !== 200)
      throw new LocalProblem(
        `The gateway answers SCIM requests of tenant "${SLUG}" with status ${status}. To begin without data: npm start -- --reset`,
      );
  }
  return { tenant, newToken };
}

const REFUSED = `The gateway refuses the SCIM token of "${SLUG}" that this stack knows, because it was replaced elsewhere. Nothing was changed.
    A new one: npm run stackflow -- tenants rotate-token ${SLUG}
    Give it to the sandbox Okta: npm run okta -- connect`;

/** Returns 200 as soon as the gateway accepts the token, or else its last status. */
async function answerOfGateway({ scimBaseUrl, scimToken }: Tenant, isNew: boolean): Promise<number> {
  const url = `${scimBaseUrl}/Users?count=1&filter=${encodeURIComponent('userName eq "nobody"')}`;
  let status = 0;
  let refusals = 0;
  await eventually(
    async () => {
      const answer = await fetch(url, { headers: { authorization: `Bearer ${scimToken ?? 'unknown'}` } });
      await answer.body?.cancel();
      ({ status } = answer);
      if (status === 401) refusals += 1;
      return status === 200 || (!isNew && refusals === TRIES);
    },
    NEW_LIMIT_MS,
    200,
  );
  return status;
}
