/** The tenant `default`: made by the same command that an administrator would use. */
import type { Secrets, StackDescription, StackFolder } from './folder.js';
import { LocalProblem } from './postgres-files.js';
import { eventually } from './process.js';
import type { Surroundings } from './services.js';
import { tenantCommand } from './tenant-command.js';

const SLUG = 'default';
/** The gateway learns of a new tenant from the event carrier; one of an earlier start it knows. */
const NEW_LIMIT_MS = 15_000;
const KNOWN_LIMIT_MS = 4_000;

type Tenant = StackDescription['tenants'][number];

/** `blank` leaves SCIM off and Okta unconnected, as for a customer who has not begun. */
export async function defaultTenant(
  s: Surroundings,
  folder: StackFolder,
  secrets: Secrets,
  blank: boolean,
): Promise<Tenant> {
  const made = await tenantCommand(s, ['create', SLUG, '--if-missing', ...(blank ? [] : ['--enable-scim'])]);
  const { id } = made.tenant;
  if (made.scimToken) folder.rememberToken(secrets, id, made.scimToken);
  const describe = (): Tenant => ({
    slug: SLUG,
    id,
    origin: s.edge,
    scimBaseUrl: `${s.edge}/prod/api/scim/v2`,
    scimToken: secrets.scimTokens[id] ?? null,
  });
  const rotate = async (): Promise<void> => {
    const { scimToken } = await tenantCommand(s, ['rotate-token', SLUG, '--grace', '0']);
    if (scimToken) folder.rememberToken(secrets, id, scimToken);
  };
  if (!describe().scimToken) await rotate();
  if (!made.settings.scimEnabled) return describe();
  // A token of which nobody knows the hash any more (the secret store was exchanged) is replaced once.
  let status = await firstAnswer(describe(), made.scimToken ? NEW_LIMIT_MS : KNOWN_LIMIT_MS);
  if (status === 401 && !made.scimToken) {
    await rotate();
    status = await firstAnswer(describe(), NEW_LIMIT_MS);
  }
  if (status !== 200) {
    throw new LocalProblem(
      `The gateway answers the tenant "${SLUG}" with status ${status}. To begin anew, remove the folder STACK_DIR (${folder.path}).`,
    );
  }
  return describe();
}

/** 200 as soon as the gateway takes the token, else its last answer when the time is over. */
async function firstAnswer(tenant: Tenant, limitMs: number): Promise<number> {
  let status = 0;
  await eventually(
    async () => {
      const answer = await fetch(
        `${tenant.scimBaseUrl}/Users?count=1&filter=${encodeURIComponent('userName eq "nobody"')}`,
        {
          headers: { authorization: `Bearer ${tenant.scimToken}` },
        },
      );
      await answer.body?.cancel();
      status = answer.status;
      return status === 200;
    },
    limitMs,
    50,
  );
  return status;
}
