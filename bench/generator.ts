/**
 * The load generator. It is its own process (forked by main.ts), so that neither the server nor the evaluation delays
 * it. In a closed loop, each of N connections sends its next request after the last answer; this measures throughput.
 * In an open loop, requests start at scheduled times, whether or not earlier ones are answered. Durations count from
 * the schedule, so that a stalled server is charged for all delayed requests (no coordinated omission).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, type Answer, type Target } from './connection.js';
import { creation, DEACTIVATION, lookup, renaming, userName, type Person } from './payloads.js';
import { spread, type Spread } from './statistics.js';

export type Operation = 'create' | 'lookup' | 'deactivate';

export interface ClosedLoop {
  readonly kind: 'closed';
  readonly target: Target;
  readonly operation: Operation;
  readonly connections: number;
  readonly seconds: number;
  /** Number of requests after which the loop ends early. */
  readonly limit?: number;
  /** Limit of requests per second. */
  readonly perSecond?: number;
  /** Number of the first new person, so that two generators create different people. */
  readonly firstPerson?: number;
}

export interface OpenLoop {
  readonly kind: 'open';
  readonly target: Target;
  readonly connections: number;
  readonly perSecond: number;
  readonly seconds: number;
}

/** A job that creates `people` people and returns their ids. */
export interface CreatePeople {
  readonly kind: 'people';
  readonly target: Target;
  readonly connections: number;
  readonly people: number;
}

/** A job that deactivates each person in `ids` at a fixed rate. */
export interface Offboard {
  readonly kind: 'offboard';
  readonly target: Target;
  readonly connections: number;
  readonly perSecond: number;
  readonly ids: readonly string[];
}

export type Job = ClosedLoop | OpenLoop | CreatePeople | Offboard;

export interface ClosedResult extends Spread {
  readonly requests: number;
  /** Number of wrong answers: an unexpected status, or a lookup that returned another person. */
  readonly wrong: number;
  /** The first wrong answer, for the error message. */
  readonly example?: string;
  readonly seconds: number;
}

export interface Push {
  readonly id: string;
  readonly what: 'create' | 'rename';
  /** Times in milliseconds since the epoch. */
  readonly scheduled: number;
  readonly answered: number;
}

export interface PacedResult<P> {
  readonly pushes: readonly P[];
  readonly wrong: number;
  readonly example?: string;
}
export type OpenResult = PacedResult<Push>;
export type OffboardResult = PacedResult<Omit<Push, 'what'>>;

export interface CreateResult {
  readonly ids: readonly string[];
}

/** The people of one target, in the order of creation. */
interface People {
  next: number;
  readonly created: Person[];
  deactivated: number;
  renamed: number;
}

const everyone = new Map<string, People>();
const peopleOf = ({ url }: Target): People => {
  const known = everyone.get(url) ?? { next: 1, created: [], deactivated: 0, renamed: 0 };
  everyone.set(url, known);
  return known;
};

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly isRight: (answer: Answer) => boolean;
}

/** Returns the id in an answer without parsing the whole body. This is cheap, and the same for every server. */
const idOf = (answer: Answer): string => /"id":"([0-9a-f-]{36})"/.exec(answer.body.toString('latin1'))?.[1] ?? '';

function createRequest(people: People): Request {
  const n = people.next++;
  return {
    method: 'POST',
    path: '/Users',
    body: creation(n),
    isRight: (answer) => {
      const id = idOf(answer);
      if (answer.status !== 201 || id === '') return false;
      people.created.push({ id, userName: userName(n) });
      return true;
    },
  };
}

/** Returns the next request, or undefined if no people are left for the operation. */
function nextRequest(operation: Operation, people: People): Request | undefined {
  if (operation === 'create') return createRequest(people);
  if (operation === 'lookup') {
    const person = people.created[Math.floor(Math.random() * people.created.length)];
    return (
      person && {
        method: 'GET',
        path: lookup(person.userName),
        isRight: (answer) => answer.status === 200 && answer.body.includes(person.id),
      }
    );
  }
  const person = people.created[people.deactivated++];
  return person && deactivation(person.id);
}

const deactivation = (id: string): Request => ({
  method: 'PATCH',
  path: `/Users/${id}`,
  body: DEACTIVATION,
  isRight: (answer) => answer.status === 200,
});

const describe = ({ method, path }: Request, answer: Answer): string =>
  `${method} ${path}: ${answer.status} ${answer.body.toString().slice(0, 300)}`;

async function connections(target: Target, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => Connection.open(target)));
}

async function closedLoop(job: ClosedLoop): Promise<ClosedResult> {
  const people = peopleOf(job.target);
  people.next = job.firstPerson ?? people.next;
  const open = await connections(job.target, job.connections);
  const durations: number[] = [];
  let wrong = 0;
  let example: string | undefined;
  let sent = 0;
  const began = performance.now();
  const end = began + job.seconds * 1_000;
  const work = async (connection: Connection): Promise<void> => {
    while (performance.now() < end && sent < (job.limit ?? Infinity)) {
      const request = nextRequest(job.operation, people);
      if (!request) return;
      sent += 1;
      const early = job.perSecond === undefined ? 0 : began + ((sent - 1) * 1_000) / job.perSecond - performance.now();
      if (early > 0) await sleep(early);
      const at = performance.now();
      const answer = await connection.send(request.method, request.path, request.body);
      durations.push(performance.now() - at);
      if (request.isRight(answer)) continue;
      wrong += 1;
      example ??= describe(request, answer);
    }
  };
  await Promise.all(open.map(work));
  const seconds = (performance.now() - began) / 1_000;
  for (const connection of open) connection.close();
  return { requests: durations.length, wrong, ...(example && { example }), seconds, ...spread(durations) };
}

const clock = (): number => performance.timeOrigin + performance.now();

interface Paced {
  readonly request: Request;
  readonly what: Push['what'];
}

/** Sends one request at each time of the schedule, whether or not earlier ones are answered. */
async function paced(
  job: { readonly target: Target; readonly connections: number; readonly perSecond: number },
  count: number,
  nth: (i: number) => Paced,
): Promise<OpenResult> {
  const idle = await connections(job.target, job.connections);
  const all = [...idle];
  const queue: (() => void)[] = [];
  const pushes: Push[] = [];
  let wrong = 0;
  let example: string | undefined;
  const push = async (scheduled: number, { request, what }: Paced): Promise<void> => {
    if (idle.length === 0) await new Promise<void>((resolve) => queue.push(resolve));
    const connection = idle.pop() as Connection;
    const answer = await connection.send(request.method, request.path, request.body);
    const answered = clock();
    idle.push(connection);
    queue.shift()?.();
    if (request.isRight(answer)) return void pushes.push({ id: idOf(answer), what, scheduled, answered });
    wrong += 1;
    example ??= describe(request, answer);
  };
  const began = clock() + 50;
  const running: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    const scheduled = began + (i * 1_000) / job.perSecond;
    const early = scheduled - clock();
    if (early > 0) await sleep(early);
    running.push(push(scheduled, nth(i)));
  }
  await Promise.all(running);
  for (const connection of all) connection.close();
  return { pushes, wrong, ...(example && { example }) };
}

/** Sends pushes. Half of them create people, and half change names of existing people. */
function openLoop(job: OpenLoop): Promise<OpenResult> {
  const people = peopleOf(job.target);
  const known = people.created.length;
  const rename = (person: Person): Request => ({
    method: 'PATCH',
    path: `/Users/${person.id}`,
    body: renaming(people.renamed),
    isRight: (answer) => answer.status === 200,
  });
  return paced(job, job.perSecond * job.seconds, (i) => {
    const person = known > 0 && i % 2 === 1 ? people.created[people.renamed++ % known] : undefined;
    return person ? { request: rename(person), what: 'rename' } : { request: createRequest(people), what: 'create' };
  });
}

async function createPeople(job: CreatePeople): Promise<CreateResult> {
  const { created } = peopleOf(job.target);
  const before = created.length;
  const { target, connections, people: limit } = job;
  const result = await closedLoop({ kind: 'closed', operation: 'create', target, connections, seconds: 300, limit });
  if (result.wrong > 0) throw new Error(`${result.wrong} creates failed, e.g. ${result.example}`);
  return { ids: created.slice(before).map((p) => p.id) };
}

const offboard = (job: Offboard): Promise<OffboardResult> =>
  paced(job, job.ids.length, (i) => ({ request: deactivation(job.ids[i] ?? ''), what: 'rename' }));

const perform = (job: Job): Promise<unknown> => {
  switch (job.kind) {
    case 'closed':
      return closedLoop(job);
    case 'open':
      return openLoop(job);
    case 'people':
      return createPeople(job);
    case 'offboard':
      return offboard(job);
  }
};

process.on('message', (job: Job) => {
  perform(job).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
