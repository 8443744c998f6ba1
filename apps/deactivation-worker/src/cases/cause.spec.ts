import { pushedAt } from './cause.js';

const time = '2026-01-15T12:00:00.000Z';
const uuidV7 = (at: string): string => {
  const hex = Date.parse(at).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7abc-8def-0123456789ab`;
};

describe('the time at which a push arrived', () => {
  it.each([
    ['comes from a UUIDv7 request id', uuidV7('2026-01-15T11:59:59.950Z'), '2026-01-15T11:59:59.950Z'],
    ['does not come from an id of the future', uuidV7('2026-01-15T12:00:00.001Z'), time],
    ['does not come from an id that is far too old', uuidV7('2026-01-15T11:00:00.000Z'), time],
    ['is that of the change if the request id is random', '6f9619ff-8b86-4d01-b42d-00cf4fc964ff', time],
    ['is that of the change if the cause was no request', 'settings:4', time],
  ])('%s', (_, causationid, expected) => {
    expect(pushedAt({ causationid, time }).toISOString()).toBe(expected);
  });
});
