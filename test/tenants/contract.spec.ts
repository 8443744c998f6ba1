/** The published contract: its documents are up to date, valid, and additive to the released ones. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { PARTITIONS } from '#event-bus';
import {
  asyncapi,
  catalogFaults,
  jsonSchemas,
  sampleData,
  sampleEvent,
  schemaOf,
  TOPIC_PARTITIONS,
  topics,
  type EventType,
} from '#events';
import { ASYNCAPI_FILE, readReleased, RELEASED_FOLDER, toText } from '../../tools/contracts/files.js';

const ROOT = path.resolve(import.meta.dirname, '../..');
const types = Object.keys(sampleData) as EventType[];
const ajv = (): Ajv => {
  const instance = new Ajv({ strict: false, allErrors: true });
  formats.default(instance);
  return instance;
};

describe('the AsyncAPI document', () => {
  it('is up to date (otherwise: node dist/tools/contracts/main.js)', () => {
    expect(readFileSync(path.join(ROOT, ASYNCAPI_FILE), 'utf8')).toBe(toText(asyncapi()));
  });

  it('is valid AsyncAPI 3.0', () => {
    const specification = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object;
    const validate = ajv().compile(specification);
    expect(validate(asyncapi()) || validate.errors).toBe(true);
    expect(validate({ ...asyncapi(), channels: { x: { address: 1 } } })).toBe(false); // the validator does find faults
  });

  it('describes every topic and every event type, with valid examples', () => {
    const document = asyncapi() as unknown as {
      channels: Record<
        string,
        {
          messages: Record<string, { $ref: string }>;
          bindings: { kafka: { partitions: number; topicConfiguration: Record<string, string[]> } };
        }
      >;
      components: {
        messages: Record<
          string,
          { name: string; payload: { $ref: string }; examples: { headers: object; payload: object }[] }
        >;
        schemas: Record<string, object>;
      };
    };
    expect(Object.keys(document.channels).sort()).toEqual([...topics].sort());
    const messages = Object.values(document.components.messages);
    expect(messages.map((m) => m.name).sort()).toEqual([...types].sort());
    const headers = ajv().compile(document.components.schemas.cloudEventsHeaders ?? false);
    for (const { examples, payload } of messages) {
      const data = ajv().compile(document.components.schemas[payload.$ref.split('/').at(-1) ?? ''] ?? false);
      for (const example of examples) {
        expect(headers(example.headers) || headers.errors).toBe(true);
        expect(data(example.payload) || data.errors).toBe(true);
      }
    }
    const references = Object.values(document.channels).flatMap((c) =>
      Object.values(c.messages).map((m) => m.$ref.split('/').at(-1)),
    );
    expect(references.sort()).toEqual(Object.keys(document.components.messages).sort());
  });

  it('describes partitions and compaction as they are', () => {
    expect(TOPIC_PARTITIONS).toBe(PARTITIONS);
    const { channels } = asyncapi() as {
      channels: Record<string, { bindings: { kafka: { topicConfiguration: Record<string, string[]> } } }>;
    };
    const compacted = Object.entries(channels).filter(
      ([, c]) => c.bindings.kafka.topicConfiguration['cleanup.policy']?.[0] === 'compact',
    );
    expect(compacted.map(([topic]) => topic).sort()).toEqual([
      'directory.access',
      'identity.access',
      'integration.settings',
    ]);
  });
});

describe('the event types', () => {
  it('are additive to the released ones', () => {
    expect(catalogFaults(readReleased(path.join(ROOT, RELEASED_FOLDER)), jsonSchemas())).toEqual([]);
  });

  it('are all released', () => {
    expect(Object.keys(readReleased(path.join(ROOT, RELEASED_FOLDER))).sort()).toEqual(
      Object.keys(jsonSchemas()).sort(),
    );
  });

  it.each(types)('%s has a sample that zod and the JSON Schema accept', (type) => {
    const { data, key, tenant, subject } = sampleEvent(type);
    expect(schemaOf(type)?.safeParse(data).error).toBeUndefined();
    const validate = ajv().compile(jsonSchemas()[type].schema);
    expect(validate(data) || validate.errors).toBe(true);
    expect(validate({ ...data, [Object.keys(data)[0] ?? '']: 7 })).toBe(false);
    expect(key).toBe(`${tenant}:${subject}`);
  });

  it('allow properties that a later version may add', () => {
    const validate = ajv().compile(jsonSchemas()['com.stackflow.identity.access.changed.v1'].schema);
    expect(validate({ ...sampleData['com.stackflow.identity.access.changed.v1'], later: true })).toBe(true);
  });
});
