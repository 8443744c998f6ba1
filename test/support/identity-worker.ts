/**
 * Simulates deactivation-worker where it does not run: it closes and opens accounts at once, as directory and settings
 * require, and publishes that through a real outbox of the schema `offboarding`. It has no brake and calls no Cognito.
 */
import { randomUUID } from 'node:crypto';
import { Outbox, type Sequencer, type NewEvent, postgresSequencer } from '#event-bus';
import type { Access, OffboardingCase } from '#events';
import { createLogger, Database, Metrics } from '#platform';
import type { TestDatabase } from './database.js';
import type { Directory, DirectoryChange, Person, Tenant } from './identity-directory.js';

interface AccountAccess {
  status: Access['status'];
  version: number;
  cases: number;
}

/** Why an account is closed. */
type Why = readonly [cause: string, causationId: string];

export class SimulatedWorker {
  private readonly records = new Map<string, AccountAccess>();
  private readonly outbox = new Outbox('offboarding', 'deactivation-worker');

  private constructor(
    private readonly directory: Directory,
    private readonly database: Database,
    private readonly sequencer: Sequencer,
  ) {}

  static async open(test: TestDatabase, directory: Directory): Promise<SimulatedWorker> {
    const database = await Database.connect({ url: test.url('deactivation-worker'), schema: 'offboarding' });
    const sequencer = postgresSequencer({
      database,
      schema: 'offboarding',
      logger: createLogger('test', 'silent'),
      metrics: new Metrics('test', { process: false }),
    });
    await sequencer.start();
    const worker = new SimulatedWorker(directory, database, sequencer);
    directory.follower = worker;
    return worker;
  }

  async close(): Promise<void> {
    await this.sequencer.stop();
    await this.database.close();
  }

  /** The status that was published last for a person. */
  status(person: Person): Access['status'] | null {
    return this.records.get(person.id)?.status ?? null;
  }

  async peopleChanged(changes: readonly DirectoryChange[]): Promise<void> {
    await this.publish(
      changes.flatMap(({ person, event }) => {
        const what = event.type.split('.').slice(-3, -1).join('.');
        return this.follow(person, [what, event.causationId]);
      }),
    );
  }

  /** "Deactivate on offboard" closes inactive people when it is switched on, and opens nobody when it is switched off. */
  async settingsChanged(tenant: Tenant): Promise<void> {
    const people = [...this.directory.people.values()].filter((p) => p.tenant === tenant.id && this.records.has(p.id));
    await this.publish(people.flatMap((p) => this.follow(p, ['settings.changed', `settings:${tenant.version}`])));
  }

  /** Begins a closing: the account is fenced, its case not complete. Call {@link complete} with the result. */
  async beginClosing(person: Person, why: Why, status: 'inactive' | 'removed' = 'inactive'): Promise<OffboardingCase> {
    const [events, details] = this.fence(person, status, why);
    await this.publish(events);
    return details;
  }

  complete(person: Person, details: OffboardingCase, state: 'completed' | 'superseded' = 'completed'): Promise<void> {
    return this.publish([this.caseEvent(person, { ...details, state })]);
  }

  async publishAccess(person: Person, status: Access['status'], causationId: string): Promise<void> {
    await this.publish([this.accessEvent(person, status, causationId)]);
  }

  private follow(person: Person, why: Why): NewEvent[] {
    const known = this.records.get(person.id);
    const settings = this.directory.tenants.get(person.tenant)?.settings;
    const offboards = settings?.deactivateOnOffboard ?? true;
    if (!known) return [this.accessEvent(person, person.active ? 'active' : 'inactive', why[1])];
    if (known.status === 'removed') return [];
    if (person.deleted && known.status === 'inactive') return [this.accessEvent(person, 'removed', why[1])];
    if (known.status === 'active' && (person.deleted || (!person.active && offboards))) {
      const [events, details] = this.fence(person, person.deleted ? 'removed' : 'inactive', why);
      return [...events, this.caseEvent(person, { ...details, state: 'completed' })];
    }
    if (known.status === 'inactive' && person.active && !person.deleted)
      return [this.accessEvent(person, 'active', why[1])];
    return [];
  }

  private fence(person: Person, status: 'inactive' | 'removed', why: Why): [NewEvent[], OffboardingCase] {
    const details = caseOf(person, why);
    return [[this.accessEvent(person, status, why[1]), this.caseEvent(person, details)], details];
  }

  private accessEvent(person: Person, status: Access['status'], causationId: string): NewEvent {
    const record = this.records.get(person.id) ?? { status, version: 0, cases: 0 };
    this.records.set(person.id, { ...record, status, version: record.version + 1 });
    return {
      type: 'com.stackflow.identity.access.changed.v1',
      tenant: person.tenant,
      subject: person.id,
      sequence: record.version + 1,
      causationId,
      data: { account: person.id, status, roles: [], notBefore: new Date().toISOString() },
    };
  }

  private caseEvent(person: Person, details: OffboardingCase): NewEvent {
    const record = this.records.get(person.id);
    if (!record) throw new Error('a case of an unknown person');
    const what = details.state === 'running' ? 'opened' : details.state === 'completed' ? 'completed' : 'superseded';
    return {
      type: `com.stackflow.offboarding.case.${what}.v1`,
      tenant: person.tenant,
      subject: person.id,
      sequence: ++record.cases,
      causationId: details.causationId,
      data: { case: details },
    };
  }

  private async publish(events: readonly NewEvent[]): Promise<void> {
    if (events.length > 0) await this.database.tx((tx) => this.outbox.add(tx, events));
  }
}

export function caseOf(person: Pick<Person, 'id' | 'userName' | 'displayName'>, why: Why): OffboardingCase {
  const now = new Date().toISOString();
  return {
    id: randomUUID(),
    account: person.id,
    userName: person.userName,
    displayName: person.displayName,
    state: 'running',
    cause: why[0],
    causationId: why[1],
    heldBecause: null,
    releasedBy: null,
    timings: {
      pushedAt: now,
      receivedAt: now,
      heldAt: null,
      releasedAt: null,
      fencedAt: now,
      disabledAt: null,
      signedOutAt: null,
      sessionsEndedAt: null,
      confirmedAt: null,
      firstRefusedAt: null,
    },
  };
}
