/** Disturbances of the P2 tests: random pushes from a seed, and a Cognito with faults. */
import type { Cognito } from '../support/identity-cognito.js';
import type { Directory, Group, Person, Tenant } from '../support/identity-directory.js';
import { sandboxQuotas } from '../support/quotas.js';

const NAMES = [
  'StackFlow-Admins',
  'StackFlow-Agents',
  'stackflow-agents',
  'StackFlow-Viewers',
  'Everyone',
  'Night shift',
];
const ROLES = ['super_admin', 'itsm_manager', 'itsm_agent', 'viewer'];

export class Noise {
  readonly people: Person[] = [];
  readonly groups: Group[] = [];

  constructor(
    private readonly directory: Directory,
    private readonly tenants: readonly Tenant[],
    readonly random: () => number,
  ) {}

  pick<T>(from: readonly T[]): T {
    const item = from[Math.floor(this.random() * from.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  /** One push that an identity provider or an administrator could cause. */
  async push(): Promise<void> {
    const { directory } = this;
    const dice = this.random();
    if (dice < 0.12 || this.people.length < 10)
      return void this.people.push(await directory.addPerson(this.pick(this.tenants), `p${this.people.length}`));
    if (dice < 0.17 || this.groups.length < 6)
      return void this.groups.push(await directory.addGroup(this.pick(this.tenants), this.pick(NAMES)));
    if (dice < 0.21) return this.configure();
    if (dice < 0.27) return this.onGroup((g) => directory.rename(g, this.pick(NAMES)));
    if (dice < 0.28) return this.onGroup((g) => directory.removeGroup(g));
    return this.onPerson();
  }

  private async onPerson(): Promise<void> {
    const { directory } = this;
    const alive = this.people.filter((p) => !p.deleted);
    const person = this.pick(alive);
    const own = this.groups.filter((g) => g.tenant === person.tenant && !g.deleted);
    const dice = this.random();
    if (dice < 0.5 && own.length > 0) return directory.join(person, this.pick(own));
    if (dice < 0.75 && own.length > 0) return directory.leave(person, this.pick(own));
    if (dice < 0.87) return directory.setActive(person, !person.active);
    if (dice < 0.98) return directory.update(person, { displayName: `Name ${Math.floor(this.random() * 1e6)}` });
    return directory.remove(person);
  }

  private async onGroup(work: (group: Group) => Promise<void>): Promise<void> {
    const alive = this.groups.filter((g) => !g.deleted);
    if (alive.length > 0) await work(this.pick(alive));
  }

  private configure(): Promise<void> {
    const tenant = this.pick(this.tenants);
    const names = NAMES.filter(() => this.random() < 0.6);
    return this.directory.configure(tenant, {
      deactivateOnOffboard: this.random() < 0.7,
      roleMappings: names.map((name) => ({ group: { name }, role: this.pick(ROLES) })),
    });
  }
}

export async function makeTrouble(cognito: Cognito): Promise<void> {
  await cognito.quotas({ UserCreation: 60, UserResourceUpdate: 60, UserUpdate: 60, UserAccountRecovery: 60 });
  await cognito.fault({ effect: 'latency', ms: 15, probability: 0.5 });
  await cognito.fault({ effect: 'throttle', probability: 0.08 });
  await cognito.fault({ effect: 'error', probability: 0.06 });
  await cognito.fault({ effect: 'drop', probability: 0.06 });
  await cognito.fault({ effect: 'disconnect', probability: 0.04 });
}

/** Removes all faults and raises all quotas. */
export async function endTrouble(cognito: Cognito): Promise<void> {
  await cognito.noFaults();
  await cognito.quotas(sandboxQuotas(1e6));
}
