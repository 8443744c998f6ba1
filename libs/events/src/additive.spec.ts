import { z } from 'zod';
import { catalogFaults, isAdditive } from './additive.js';
import type { JsonSchema } from './json-schema.js';

const json = (schema: z.ZodType): JsonSchema => z.toJSONSchema(schema, { target: 'draft-7', io: 'input' });
const released = z.object({
  id: z.uuid(),
  name: z.string().nullable(),
  status: z.enum(['active', 'inactive']),
  size: z.number(),
  tags: z.array(z.string()),
  group: z.union([z.object({ name: z.string() }), z.object({ id: z.uuid() })]),
  note: z.string().optional(),
});
const faults = (changes: z.ZodRawShape, without: (keyof typeof released.shape)[] = []): string[] => {
  const shape: z.ZodRawShape = { ...released.shape, ...changes };
  for (const name of without) delete (shape as Record<string, unknown>)[name];
  return isAdditive(json(released), json(z.object(shape)));
};

describe('additive', () => {
  it('is no change at all', () => expect(faults({})).toEqual([]));
  it('is a new optional property', () => expect(faults({ more: z.string().optional() })).toEqual([]));
  it('is a new optional property deep inside', () =>
    expect(
      isAdditive(
        json(z.object({ a: z.object({ b: z.string() }) })),
        json(z.object({ a: z.object({ b: z.string(), c: z.number().optional() }) })),
      ),
    ).toEqual([]));
  it('is a better description', () => expect(faults({ size: z.number().describe('in metres') })).toEqual([]));
  it('is another order of properties and alternatives', () => {
    const { id, ...rest } = released.shape;
    expect(isAdditive(json(released), json(z.object({ ...rest, name: z.union([z.null(), z.string()]), id })))).toEqual(
      [],
    );
  });
});

describe('not additive', () => {
  it.each<[string, string[], RegExp]>([
    ['a removed property', faults({}, ['size']), /^data\.size: was removed$/],
    ['a property that becomes optional', faults({ size: z.number().optional() }), /data\.size: is no longer required/],
    ['an optional property that becomes required', faults({ note: z.string() }), /data\.note: is now required/],
    [
      'a new required property',
      faults({ more: z.string() }),
      /data\.more: is now required, but events in the log do not contain it/,
    ],
    ['another type', faults({ size: z.string() }), /data\.size: type changed from number to string/],
    ['a narrower number', faults({ size: z.int() }), /data\.size: narrowed from number to integer/],
    ['a narrower format', faults({ tags: z.array(z.uuid()) }), /data\.tags\[\]: narrowed by (format|pattern)/],
    ['a lost format', faults({ id: z.string() }), /data\.id: widened/],
    ['a limit', faults({ tags: z.array(z.string()).max(3) }), /data\.tags: narrowed by maxItems 3/],
    [
      'a value that was removed',
      faults({ status: z.enum(['active']) }),
      /data\.status: the value "inactive" was removed/,
    ],
    [
      'a value that was added',
      faults({ status: z.enum(['active', 'inactive', 'gone']) }),
      /data\.status: the value "gone" was added/,
    ],
    [
      'a text that becomes one of some values',
      faults({ tags: z.array(z.enum(['a'])) }),
      /data\.tags\[\]: narrowed to the values \["a"\]/,
    ],
    ['null where there was none', faults({ size: z.number().nullable() }), /data\.size: now also allows null/],
    ['no null where there was one', faults({ name: z.string() }), /data\.name: no longer allows null/],
    ['items of another type', faults({ tags: z.array(z.number()) }), /data\.tags\[\]: type changed/],
    [
      'a lost alternative',
      faults({ group: z.object({ name: z.string() }) }),
      /data\.group: no longer allows an object with id/,
    ],
    [
      'a new alternative',
      faults({ group: z.union([...released.shape.group.options, z.object({ all: z.boolean() })]) }),
      /data\.group: now also allows an object with all/,
    ],
    ['strictness', isAdditive(json(z.object({})), json(z.strictObject({}))), /narrowed by additionalProperties/],
    [
      'anything in a nested object',
      isAdditive(json(z.object({ a: z.object({ b: z.string() }) })), json(z.object({ a: z.object({}) }))),
      /data\.a\.b: was removed/,
    ],
  ])('%s', (_, found, sentence) => {
    expect(found.join('\n')).toMatch(sentence);
  });

  it('a removed type, and one that moved to another topic', () => {
    const schema = json(released);
    const before = {
      'x.v1': { topic: 'directory.users', schema },
      'y.v1': { topic: 'directory.users', schema },
    } as const;
    expect(catalogFaults(before, { 'y.v1': { topic: 'directory.groups', schema } })).toEqual([
      'x.v1: the type was removed',
      'y.v1: moved from topic directory.users to directory.groups',
    ]);
    expect(catalogFaults(before, { ...before, 'z.v1': { topic: 'directory.users', schema } })).toEqual([]);
  });
});
