/**
 * The set-up of most specs here: a provider, the service, the only tenant, and a person whom the provider signs in. Faults are
 * removed before each test, and everything is stopped after the last one.
 */
import { Browser, type Answer } from '../support/auth-browser.js';
import { HostileProvider } from '../support/auth-provider.js';
import { back, SESSION, signIn } from '../support/auth-journey.js';
import type { Person } from '../support/auth-people.js';
import { AuthRig, LOCAL, type Instance } from '../support/auth.js';

export interface World {
  readonly op: HostileProvider;
  readonly rig: AuthRig;
  readonly service: Instance;
  readonly replicas: readonly Instance[];
  readonly tenant: string;
  readonly ada: Person;
  readonly browser: (origin?: string, replica?: number) => Browser;
  /** See {@link back}. */
  readonly back: (location: string, change?: Record<string, string | undefined>) => string;
  readonly signIn: (browser: Browser) => Promise<Answer>;
  /** A browser in which `person` is signed in. */
  readonly signedIn: (person?: Person) => Promise<Browser>;
  /** Another tab, another replica, or a thief: a browser with the same session cookie. */
  readonly copyOf: (original: Browser, replica?: 0 | 1) => Browser;
  readonly lastAudit: () => Promise<Awaited<ReturnType<AuthRig['audit']>>[number] | undefined>;
}

export interface WorldOptions {
  readonly replicas?: number;
  /** Starts neighbours before the service, and answers the service's settings for them. */
  readonly settings?: (rig: AuthRig) => Promise<Record<string, string>>;
}

/** For the top level of a spec: `const { ... } = await world();` Replicas share a database, and `service` is the first. */
export async function world({ replicas = 1, settings }: WorldOptions = {}): Promise<World> {
  const op = await new HostileProvider().start();
  const rig = await AuthRig.start(op.origin);
  afterAll(async () => {
    await rig.close();
    await op.stop();
  });
  const change = (await settings?.(rig)) ?? {};
  const service = await rig.startService(change);
  const all = [service];
  while (all.length < replicas) all.push(await rig.startService(change));
  const tenant = await rig.addTenant('default', null);
  const ada = await rig.addPerson(tenant);
  beforeEach(async () => {
    op.reset();
    op.sub = ada.externalId ?? '';
    await rig.noFaults();
  });
  const browser = (origin = LOCAL, replica = 0): Browser => new Browser(all[replica]?.url ?? '', origin);
  return {
    op,
    rig,
    service,
    replicas: all,
    tenant,
    ada,
    browser,
    back: (location, change) => back(op, location, change),
    signIn: (b) => signIn(op, b),
    signedIn: async (person = ada) => {
      op.sub = person.externalId ?? '';
      const b = browser();
      const answer = await signIn(op, b);
      if (answer.status !== 303) throw new Error(answer.body);
      return b;
    },
    copyOf: (original, replica = 0) => {
      const copy = browser(LOCAL, replica);
      copy.cookies.set(SESSION, original.cookies.get(SESSION) ?? '');
      return copy;
    },
    lastAudit: async () => (await rig.audit()).at(-1),
  };
}
