import { z } from 'zod';
import { catalog, topics, type EventType, type Topic } from './catalog.js';

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface TypeSchema {
  readonly topic: Topic;
  readonly schema: JsonSchema;
}

/**
 * Generates JSON Schema draft 7, the dialect of AsyncAPI 3. Additional properties are allowed, because a later version
 * may add some.
 */
export function jsonSchemas(): Record<EventType, TypeSchema> {
  const entries = topics.flatMap((topic) =>
    Object.entries<z.ZodType>(catalog[topic]).map(([type, zod]): [string, TypeSchema] => [
      type,
      { topic, schema: jsonSchema(type, zod) },
    ]),
  );
  return Object.fromEntries(entries) as Record<EventType, TypeSchema>;
}

function jsonSchema(title: string, zod: z.ZodType): JsonSchema {
  const schema = z.toJSONSchema(zod, { target: 'draft-7', io: 'input' });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    ...(JSON.parse(JSON.stringify({ ...schema, $schema: undefined })) as JsonSchema),
  };
}
