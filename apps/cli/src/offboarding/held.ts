/** `held` and `release`: the brake holds cases in deactivation-worker and losses of roles in identity-service. */
import { audited, flag, operator, positive, preset, Refusal, usage, type Call } from '#command-line';
import type { HeldRoleLossView, Json } from '#contracts';
import { command, target, type Services, type TargetFlags, type Tenant } from '../services.js';
import { explain } from '../problems.js';
import { personOf } from '../accounts/person.js';
import { describeHeld } from './text.js';

type AnyCall = Call<TargetFlags>;

export const held = command({
  usage: 'held',
  summary: 'list the people whom the brake holds; they keep their access or their roles until they are released',
  options: { limit: preset('--limit <n>', 'at most this many', positive, 1_000) },
  run: async (call) => {
    const { flags, screen, typed } = call;
    const { services, client: worker, tenant, about } = await target(call, (s) => s.offboarding());
    const cases = await worker.held(tenant.id, { limit: Math.min(flags.limit, 10_000) });
    const { losses, problem } = await roleLosses(call, services, tenant);
    return {
      text: about(describeHeld(screen, cases, losses, problem?.message ?? null, typed)),
      json: { tenant: tenant.slug, ...cases, roleLosses: losses, problem: problem?.message ?? null },
    };
  },
});

export const release = command({
  usage: 'release [person...]',
  summary: 'let the held losses happen, for these people or for everybody in the tenant',
  examples: ['offboarding release ada@example.com', 'offboarding release --all --tenant acme --by grace'],
  options: { ...audited, all: flag('--all', 'release everything that is held in the tenant') },
  run: async (call) => {
    const { args, flags, typed } = call;
    if (args.length === 0 && !flags.all)
      throw usage(
        `error: name the people to release, or use --all. "${typed('offboarding held')}" lists everybody who is held.`,
      );
    if (args.length > 0 && flags.all) throw usage('error: give names or --all, not both.');
    const by = operator(call);
    const { services, client: worker, tenant } = await target(call, (s) => s.offboarding());
    const chosen = flags.all ? null : await choose(call, services, tenant, args);
    const cases =
      chosen?.cases.length === 0
        ? 0
        : (await worker.release(tenant.id, { by, ...(chosen && { cases: chosen.cases }) })).released;
    const losses = chosen?.accounts.length === 0 ? 0 : await releaseLosses(call, services, tenant, by, chosen, cases);
    const text =
      cases + losses === 0
        ? `Tenant ${tenant.slug}: nothing is held at the moment, so nothing was released.`
        : `Tenant ${tenant.slug}: ${count(cases, losses)}, in the name of ${by}. "${typed('offboarding list')}" shows how the access ends.`;
    return { text, json: { tenant: tenant.slug, cases, roleLosses: losses, by } };
  },
});

interface Choice {
  readonly cases: string[];
  readonly accounts: string[];
}

/** Releases nobody if one of the named people is not held, because the name is probably a mistake. */
async function choose(call: AnyCall, services: Services, tenant: Tenant, who: readonly string[]): Promise<Choice> {
  const worker = services.offboarding();
  const { losses, problem } = await roleLosses(call, services, tenant);
  const choice: Choice = { cases: [], accounts: [] };
  const free: string[] = [];
  for (const name of new Set(who)) {
    const { account } = await personOf(call, worker, tenant, name);
    const { cases } = await worker.timeline(tenant.id, account);
    const heldCase = cases.find((c) => c.state === 'held');
    const loses = losses?.some((loss) => loss.account === account) ?? false;
    if (heldCase) choice.cases.push(heldCase.id);
    if (loses) choice.accounts.push(account);
    if (!heldCase && !loses) free.push(name);
  }
  if (free.length === 0) return choice;
  const unknown = problem === null ? '' : ` (It is not known whether losses of roles are held: ${problem.message})`;
  throw new Refusal(
    `Not held: ${free.join(', ')}. Nothing was released. "${call.typed('offboarding held')}" lists everybody who is held.${unknown}`,
  );
}

/** Releases losses of roles, after the cases were released. An error also says that the cases are released. */
async function releaseLosses(
  call: AnyCall,
  services: Services,
  tenant: Tenant,
  by: string,
  chosen: Choice | null,
  cases: number,
): Promise<number> {
  try {
    return await services.identity().releaseRoleLosses(tenant.id, { by, ...(chosen && { accounts: chosen.accounts }) });
  } catch (error) {
    const refusal = refusalOf(call, error);
    throw new Refusal(
      `Tenant ${tenant.slug}: ${count(cases, 0)}, but losses of roles were not released: ${refusal.message} Fix this, then repeat the command.`,
      refusal.exitCode,
    );
  }
}

const count = (cases: number, losses: number): string =>
  `Released: ${cases} ${cases === 1 ? 'person loses' : 'people lose'} access${losses === 0 ? '' : `, ${losses} lose${losses === 1 ? 's' : ''} roles`}`;

/** Does not throw if identity-service fails, so that the cases of deactivation-worker are still shown. */
async function roleLosses(
  call: AnyCall,
  services: Services,
  tenant: Tenant,
): Promise<{ losses: readonly Json<HeldRoleLossView>[] | null; problem: Refusal | null }> {
  try {
    return { losses: await services.identity().heldRoleLosses(tenant.id), problem: null };
  } catch (error) {
    return { losses: null, problem: refusalOf(call, error) };
  }
}

function refusalOf(call: AnyCall, error: unknown): Refusal {
  const refusal = error instanceof Refusal ? error : explain(error, call);
  if (!refusal) throw error;
  return refusal;
}
