/** `held` and `release`: one brake, two services that hold by it. */
import { CliError, EXIT, type Answer } from '#platform';
import type { TenantView } from '#settings';
import { operator, type HeldRoleLoss, type OffboardingClient, type RoleLossClient } from './client.js';
import { describeHeld } from './words.js';

export interface HeldFlags {
  tenant?: string;
  all?: boolean;
  by?: string;
}

export interface Services {
  readonly worker: OffboardingClient;
  /** Looked for only when it is needed: without it everything else works. */
  readonly identity: () => RoleLossClient;
}

/** identity-service being away must not hide whom the worker holds. */
export async function held({ worker, identity }: Services, flags: HeldFlags): Promise<Answer> {
  const tenant = await worker.tenant(flags.tenant);
  const cases = await worker.held(tenant);
  const { losses, problem } = await roleLosses(identity, tenant);
  return { text: describeHeld(cases, losses, problem), json: { ...cases, roleLosses: losses, problem } };
}

export async function release(services: Services, flags: HeldFlags, who: readonly string[]): Promise<Answer> {
  if (who.length === 0 && !flags.all)
    throw new CliError(
      'Name who is released, or say --all. "npm run offboarding -- held" lists who is held.',
      EXIT.usage,
    );
  if (who.length > 0 && flags.all) throw new CliError('Give names or --all, not both.', EXIT.usage);
  const by = flags.by ?? operator();
  const tenant = await services.worker.tenant(flags.tenant);
  const chosen = flags.all ? null : await choose(services, tenant, who);
  const cases =
    chosen?.cases.length === 0
      ? 0
      : await services.worker.release(tenant, by, chosen === null ? undefined : chosen.cases);
  const roleLosses =
    chosen?.accounts.length === 0 ? 0 : await releaseLosses(services, tenant, by, chosen?.accounts, cases);
  const text =
    cases + roleLosses === 0
      ? 'Nothing was held (any more), so nothing was released.'
      : `${count(cases, roleLosses)}, in the name of ${by}. "npm run offboarding -- list" shows how the doors close.`;
  return { text, json: { cases, roleLosses, by } };
}

/** All or nothing: a name that is not held is more likely a mistake than a wish. */
async function choose({ worker, identity }: Services, tenant: TenantView, who: readonly string[]) {
  const { losses, problem } = await roleLosses(identity, tenant);
  const cases: string[] = [];
  const accounts: string[] = [];
  const free: string[] = [];
  for (const name of new Set(who)) {
    const { person, cases: timeline } = await worker.timeline(tenant, name);
    const heldCase = timeline.find((c) => c.state === 'held');
    const loses = losses?.some((l) => l.account === person.account) ?? false;
    if (heldCase) cases.push(heldCase.id);
    if (loses) accounts.push(person.account);
    if (!heldCase && !loses) free.push(name);
  }
  if (free.length === 0) return { cases, accounts };
  const doubt = problem === null ? '' : ` (Whether losses of roles are held is not known: ${problem})`;
  throw new CliError(
    `Not held: ${free.join(', ')}. Nothing was released. "npm run offboarding -- held" lists who is held.${doubt}`,
    EXIT.refused,
  );
}

/** Closings are released by then; who reads the error has to know that. */
async function releaseLosses(
  { identity }: Services,
  tenant: TenantView,
  by: string,
  accounts: readonly string[] | undefined,
  cases: number,
): Promise<number> {
  try {
    return await identity().release(tenant, by, accounts);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(
      `${count(cases, 0)}, but losses of roles were not asked for: ${error.message} Say it again when that is mended.`,
      error.exitCode,
    );
  }
}

const count = (cases: number, losses: number): string =>
  `Released: ${cases} ${cases === 1 ? 'person loses' : 'people lose'} access${losses === 0 ? '' : `, ${losses} lose${losses === 1 ? 's' : ''} roles`}`;

async function roleLosses(
  identity: Services['identity'],
  tenant: TenantView,
): Promise<{ losses: readonly HeldRoleLoss[] | null; problem: string | null }> {
  try {
    return { losses: await identity().held(tenant), problem: null };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { losses: null, problem: error.message };
  }
}
