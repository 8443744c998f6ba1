import { randomUUID } from 'node:crypto';
import { parseEvent, type Attributes } from './record.js';

const tenant = randomUUID();
const subject = randomUUID();
const good: Attributes = {
  id: randomUUID(),
  type: 'com.stackflow.directory.group.created.v1',
  source: '/stackflow/scim-gateway',
  subject,
  time: '2026-01-02T03:04:05.000Z',
  tenant,
  key: `${tenant}:${subject}`,
  sequence: '7',
  causationid: 'c',
  traceparent: null,
};
const data = { group: { id: subject, displayName: 'g', externalId: null, version: 7 } };

describe('parseEvent', () => {
  it('accepts an event as a carrier delivers it', () => {
    expect(parseEvent('directory.groups', good, data)).toEqual({ ...good, sequence: 7, data });
  });

  it('accepts fields and types that this version does not know, because publishers may be newer', () => {
    expect(parseEvent('directory.groups', good, { ...data, more: 1 }).data).toEqual({ ...data, more: 1 });
    expect(
      parseEvent('directory.groups', { ...good, type: 'com.stackflow.directory.group.merged.v1' }, { anything: true })
        .data,
    ).toEqual({
      anything: true,
    });
  });

  it.each<[string, Partial<Attributes>, RegExp]>([
    ['a key of another tenant', { key: `${randomUUID()}:${subject}` }, /key/],
    ['no id', { id: undefined }, /"id"/],
    ['an id that is not a UUID', { id: 'x' }, /"id"/],
    ['a tenant that is not a UUID', { tenant: 'acme' }, /"tenant"/],
    ['no type', { type: '' }, /"type"/],
    ['sequence zero', { sequence: '0' }, /"sequence"/],
    ['a sequence that is not a number', { sequence: '1; drop' }, /"sequence"/],
    ['a sequence beyond exact numbers', { sequence: '9007199254740993' }, /"sequence"/],
    ['a time that is not an instant', { time: 'yesterday' }, /"time"/],
  ])('refuses %s', (_what, fault, message) => {
    expect(() => parseEvent('directory.groups', { ...good, ...fault }, data)).toThrow(message);
  });

  it.each([
    ['a service that does not own the topic', 'directory.groups', good.type, '/stackflow/identity-service'],
    ['a made-up service', 'directory.groups', good.type, '/stackflow/scim-gateway/'],
    ['the owner of another topic', 'integration.settings', 'com.stackflow.integration.new.v1', good.source],
    ['a type of another topic', 'directory.groups', 'com.stackflow.integration.settings.changed.v1', good.source],
  ])('refuses an event of %s, whatever its data says', (_what, topic, type, source) => {
    expect(() => parseEvent(topic, { ...good, type, source }, data)).toThrow(
      /does not own the topic|belongs to the topic/,
    );
  });

  it('refuses data of a known type that has another shape', () => {
    expect(() => parseEvent('directory.groups', good, null)).toThrow(/data of/);
    expect(() => parseEvent('directory.groups', good, { group: { ...data.group, displayName: 5 } })).toThrow(
      /group.displayName/,
    );
  });
});
