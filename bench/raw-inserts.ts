/**
 * The limit of creates on this machine with this driver: the same user row and outbox row in one prepared statement, on
 * the same number of connections, without HTTP, SCIM, checks or a publisher. It runs as its own process (forked by
 * scenarios/requests.ts).
 */
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { spread, type Spread } from './statistics.js';

export interface RawJob {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  /** One user of the gateway and its event, as stored. The limit repeats everything except names and ids. */
  readonly sample: Sample;
}

export interface Sample {
  readonly id: string;
  readonly userName: string;
  readonly tenant: string;
  readonly externalId: string;
  readonly resource: string;
  readonly eventData: string;
  readonly traceparent: string | null;
}

export interface RawResult extends Spread {
  readonly requests: number;
  readonly seconds: number;
}

// This statement takes only the locks of the gateway's own statement: those of the new row's unique index entries.
const INSERT = `
  with created as (
    insert into users (tenant_id, id, user_name, user_name_key, external_id, active, email, resource, version, created_at, updated_at, created_request)
    values ($1, $2, $3, $3, $4, true, $3, $5, 1, $6, $6, $7) returning 1
  )
  insert into outbox (topic, key, type, source, subject, tenant, sequence, time, causation_id, traceparent, data)
  select 'directory.users', $8, 'com.stackflow.directory.user.created.v2', '/stackflow/scim-gateway', $2::text, $1::uuid, 1, $6, $7::text, $9, $10 from created`;

let number = 0;

function values(sample: Sample): unknown[] {
  const id = randomUUID();
  const name = `raw.${String(++number).padStart(10, '0')}@example.com`;
  const own = (text: string): string => text.replaceAll(sample.id, id).replaceAll(sample.userName, name);
  return [
    sample.tenant,
    id,
    name,
    `raw${number}`,
    own(sample.resource),
    new Date().toISOString(),
    randomUUID(),
    `${sample.tenant}:${id}`,
    sample.traceparent,
    own(sample.eventData),
  ];
}

async function run({ url, connections, seconds, sample }: RawJob): Promise<RawResult> {
  const clients = Array.from(
    { length: connections },
    () => new Client({ connectionString: url, options: '-c search_path=directory' }),
  );
  await Promise.all(clients.map((client) => client.connect()));
  const durations: number[] = [];
  const began = performance.now();
  const end = began + seconds * 1_000;
  const work = async (client: Client): Promise<void> => {
    while (performance.now() < end) {
      const at = performance.now();
      await client.query({ name: 'insert', text: INSERT, values: values(sample) });
      durations.push(performance.now() - at);
    }
  };
  try {
    await Promise.all(clients.map(work));
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
  return { requests: durations.length, seconds: (performance.now() - began) / 1_000, ...spread(durations) };
}

process.on('message', (job: RawJob) => {
  run(job).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
