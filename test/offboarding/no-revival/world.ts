/**
 * A model of all parts of an offboarding, one step at a time: a publishing directory, identity-service, the worker with
 * two processes, Cognito, and a service with the guard. Throws at the first moment at which P3 is broken.
 */
import type { OktaState } from '#contracts';
import { GuardedService } from './guarded.js';
import { ModelIdentity } from './identity.js';
import { People, type AccessRecord, type Settings } from './people.js';
import { Pool, type Call } from './pool.js';
import { ModelRunner } from './runner.js';
import { Statements, type DirectoryChange, type Gate } from './tables.js';
import { Truth } from './truth.js';

export const PEOPLE = 2;

interface Person {
  readonly directory: (DirectoryChange & { readonly tick: number })[];
  readonly accounts: { version: number; roles: readonly string[] }[];
  readonly signals: { readonly state: OktaState | null; readonly at: number; readonly tick: number }[];
  readonly truth: Truth;
  /** How far each consumer has read its topics. */
  readonly read: { worker: number; accounts: number; identity: number; access: number };
  readonly identity: ModelIdentity;
}

const newPerson = (): Person => ({
  directory: [],
  accounts: [],
  signals: [],
  truth: new Truth(),
  read: { worker: 0, accounts: 0, identity: 0, access: 0 },
  identity: new ModelIdentity(),
});

export class World {
  now = Date.UTC(2026, 0, 1);
  readonly people: People;
  readonly pool: Pool;
  readonly service: GuardedService;
  /** All events of identity.access. */
  readonly log: AccessRecord[] = [];
  readonly persons: readonly Person[] = Array.from({ length: PEOPLE }, newPerson);
  readonly processes: ModelRunner[];
  private readonly settings: Settings[] = [];
  private settingsRead = 0;
  private orphans: Call[] = [];
  private ticks = 0;
  private started = 0;
  private readonly sql: Statements;

  constructor(skewMs: number, without: Gate | null = null) {
    this.sql = new Statements(() => this.now, without);
    this.people = new People(PEOPLE, this.sql, () => this.tick());
    this.pool = new Pool(this, skewMs);
    this.service = new GuardedService(this.pool);
    this.processes = [this.startProcess(), this.startProcess()];
  }

  tick(): number {
    return ++this.ticks;
  }

  person(n: number): Person {
    const person = this.persons[n];
    if (!person) throw new RangeError(`person ${n}`);
    return person;
  }

  private startProcess(): ModelRunner {
    const { people, pool, sql } = this;
    const isAlive = (id: string): boolean => this.processes.some((process) => process.id === id && process.fresh);
    const onLifted = (person: number): void => this.expectEntitled(person);
    const onCompleted = (person: number): void => this.expectFenced(person);
    const now = (): number => this.now;
    return new ModelRunner(`process ${++this.started}`, { people, pool, sql, isAlive, onLifted, onCompleted, now });
  }

  private process(n: number): ModelRunner {
    const process = this.processes[n % this.processes.length];
    if (!process) throw new RangeError(`process ${n}`);
    return process;
  }

  // Actions of administrators, Okta and identity-service.

  /** `active` null = another attribute changes; a deletion is final. */
  push(n: number, active: boolean | null, deleted = false): void {
    const { directory } = this.person(n);
    const last = directory.at(-1);
    if (last?.deleted) return;
    const next = active ?? last?.active ?? true;
    const version = directory.length + 1;
    directory.push({ version, active: next, deleted, time: this.now, tick: this.tick() });
  }

  signal(n: number, state: OktaState | null, ageMs: number): void {
    const { signals } = this.person(n);
    signals.push({ state, at: this.now - ageMs, tick: this.tick() });
    this.repeatSignal(n, signals.length - 1);
  }

  repeatSignal(n: number, index: number): void {
    const { signals, truth } = this.person(n);
    const signal = signals[index];
    if (!signal) return;
    truth.signal(signal.state, signal.at, signal.tick);
    this.people.oktaSignalled(n, signal.state, signal.at);
  }

  /** Universal Logout. */
  signOut(n: number): void {
    this.people.requestSignOut(n);
  }

  configure(change: Partial<Settings>): void {
    const last = this.settings.at(-1) ?? this.people.settings;
    this.settings.push({ ...last, ...change, version: this.settings.length + 1 });
  }

  /** Creates the user in Cognito; the event for the worker follows later. */
  provision(n: number): void {
    if (this.person(n).read.identity > 0) this.pool.create(n);
  }

  announceRoles(n: number, roles: readonly string[]): void {
    const { accounts } = this.person(n);
    if (this.pool.enabled.has(n)) accounts.push({ version: accounts.length + 1, roles });
  }

  // Deliveries: in order per key, but earlier events may be repeated.

  deliverDirectory(n: number, again: number | null): void {
    const { directory, read, truth } = this.person(n);
    const news = directory[again ?? read.worker];
    if (!news || (again !== null && again >= read.worker)) return;
    if (again === null) read.worker++;
    truth.directory(news, news.tick);
    this.people.directoryChanged(n, news);
  }

  deliverAccount(n: number, again: number | null): void {
    const { accounts, read } = this.person(n);
    const news = accounts[again ?? read.accounts];
    if (!news || (again !== null && again >= read.accounts)) return;
    if (again === null) read.accounts++;
    this.people.accountChanged(n, news.version, news.roles);
  }

  deliverSettings(): void {
    const next = this.settings[this.settingsRead];
    if (!next) return;
    this.settingsRead++;
    this.people.settingsChanged(next);
  }

  /** identity-service reads the next event of the directory or of identity.access. */
  deliverIdentity(n: number, access: boolean): void {
    const { read, directory, identity } = this.person(n);
    if (access) {
      const record = this.log.filter((r) => r.person === n)[read.access];
      if (record) read.access++;
      identity.accessChanged(record);
    } else read.identity = Math.min(read.identity + 1, directory.length);
    identity.evaluate(directory[read.identity - 1]);
  }

  publish(): void {
    const record = this.people.outbox.shift();
    if (!record) return;
    const before = this.log.findLast((r) => r.person === record.person);
    if (record.version !== (before?.version ?? 0) + 1)
      throw new Error(`identity.access: ${record.version} follows ${before?.version}`);
    this.log.push(record);
  }

  guardReads(again: number | null): void {
    this.service.read(this.log, again);
  }

  // Actions of the worker's processes.

  claim(process: number, n: number): void {
    this.process(process).claim(n);
  }

  advance(process: number, n: number, lost: boolean): void {
    const forgotten = this.process(process).advance(n, lost);
    if (forgotten) this.orphans.push(forgotten);
  }

  land(process: number, n: number): void {
    this.process(process).land(n);
  }

  landOrphan(index: number): void {
    const call = this.orphans[index % Math.max(1, this.orphans.length)];
    if (call) this.pool.land(call);
  }

  crash(n: number): void {
    const process = this.process(n);
    this.orphans.push(...process.calls);
    this.processes.splice(this.processes.indexOf(process), 1, this.startProcess());
  }

  /** The process hangs: others take over its work, and later it continues as if nothing had happened. */
  hang(n: number): void {
    this.process(n).fresh = false;
  }

  renew(n: number): void {
    this.process(n).renew();
  }

  wait(ms: number): void {
    this.now += ms;
    this.orphans = this.orphans.filter((call) => this.pool.mayLand(call));
  }

  /** No more faults. Late calls take effect as late as possible. */
  rest(): void {
    this.processes.forEach((process) => process.renew());
    this.persons.forEach(({ accounts }, n) => accounts.length === 0 && this.announceRoles(n, ['viewer']));
    for (let round = 0; !this.isQuiet; round++) {
      if (round > 400) throw new Error(`does not come to an end: ${JSON.stringify(this.people.rows)}`);
      for (const call of this.orphans) if (this.now > call.sentAt + 4_000) this.landLate(call);
      for (let i = 0; i < 3; i++) this.deliverSettings();
      this.persons.forEach((_, n) => this.round(n, round));
      this.people.admit();
      while (this.people.outbox.length > 0) this.publish();
      this.service.readAll(this.log);
      this.wait(700);
    }
  }

  /** A person who is enabled by the late call signs in. */
  private landLate(call: Call): void {
    if (!this.pool.mayLand(call)) return;
    this.pool.land(call);
    this.pool.signIn(call.person);
  }

  private round(n: number, round: number): void {
    this.deliverDirectory(n, null);
    this.deliverAccount(n, null);
    this.deliverIdentity(n, true);
    this.deliverIdentity(n, false);
    this.claim(round, n);
    for (const process of this.processes.keys()) for (let i = 0; i < 4; i++) this.advance(process, n, false);
  }

  private get isQuiet(): boolean {
    const { rows, outbox } = this.people;
    return (
      outbox.length === 0 &&
      this.settingsRead === this.settings.length &&
      this.orphans.length === 0 &&
      this.processes.every((process) => process.idle) &&
      rows.every((row) => !row.due && row.unfinished !== 'new' && row.unfinished !== 'running') &&
      this.persons.every((person, n) => this.hasRead(person, n)) &&
      this.service.hasRead(this.log)
    );
  }

  private hasRead({ read, directory, accounts }: Person, n: number): boolean {
    const published = this.log.filter((r) => r.person === n).length;
    return (
      read.worker === directory.length &&
      read.identity === directory.length &&
      read.accounts === accounts.length &&
      read.access === published
    );
  }

  private expectFenced(n: number): void {
    const last = this.log.findLast((record) => record.person === n);
    if (last?.status === 'active') throw new Error(`P3: the case of ${n} is complete, but active access is published`);
  }

  /** Access was given back: the person must be entitled to it, and no session may be older than that. */
  private expectEntitled(n: number): void {
    const { isIn, inAgainAt } = this.person(n).truth;
    if (!isIn) throw new Error(`P3: ${n} has access again without being entitled to it`);
    if (this.pool.sessions.some((s) => s.person === n && !s.revoked && s.tick < inAgainAt))
      throw new Error(`P3: a session of ${n} from before access was given back is still valid`);
  }
}
