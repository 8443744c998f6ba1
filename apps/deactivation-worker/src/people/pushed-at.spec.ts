import { pushedAt } from './pushed-at.js';

const time = '2026-01-15T12:00:00.000Z';
const uuidV7 = (at: string): string => {
  const hex = Date.parse(at).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7abc-8def-0123456789ab`;
};

describe('when a push arrived', () => {
  it.each([
    ['the time of a UUIDv7 request', uuidV7('2026-01-15T11:59:59.950Z'), '2026-01-15T11:59:59.950Z'],
    ['not that of an id from the future', uuidV7('2026-01-15T12:00:00.001Z'), time],
    ['nor of one that is far too old', uuidV7('2026-01-15T11:00:00.000Z'), time],
    ['a random id says nothing', '6f9619ff-8b86-4d01-b42d-00cf4fc964ff', time],
    ['nor does another cause', 'settings:4', time],
  ])('%s', (_, causationid, expected) => {
    expect(pushedAt({ causationid, time }).toISOString()).toBe(expected);
  });
});
