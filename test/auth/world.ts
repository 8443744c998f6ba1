/**
 * What most specs here begin with: a provider, the service, a tenant that owns the installation, and a person whom the
 * provider signs in. Everything is as it was before each test, and gone after the last.
 */
import { Browser, type Answer } from '../support/auth-browser.js';
import { HostileProvider } from '../support/auth-provider.js';
import { back, signIn } from '../support/auth-journey.js';
import type { Person } from '../support/auth-people.js';
import { AuthRig, LOCAL, type Instance } from '../support/auth.js';

export interface World {
  readonly op: HostileProvider;
  readonly rig: AuthRig;
  readonly service: Instance;
  readonly tenant: string;
  readonly ada: Person;
  readonly browser: (origin?: string, replica?: number) => Browser;
  /** See {@link back}. */
  readonly back: (location: string, change?: Record<string, string | undefined>) => string;
  readonly signIn: (browser: Browser) => Promise<Answer>;
  /** A browser in which `person` is signed in. */
  readonly signedIn: (person?: Person) => Promise<Browser>;
  readonly lastAudit: () => Promise<Awaited<ReturnType<AuthRig['audit']>>[number] | undefined>;
}

/** For the top level of a spec: `const { ... } = await world();` Replicas are on one database, `service` is the first. */
export async function world(replicas = 1): Promise<World> {
  const op = await new HostileProvider().start();
  const rig = await AuthRig.start(op.origin);
  afterAll(async () => {
    await rig.close();
    await op.stop();
  });
  const service = await rig.startService();
  const all = [service];
  while (all.length < replicas) all.push(await rig.startService());
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
    lastAudit: async () => (await rig.audit()).at(-1),
  };
}
