import { note } from './requests.js';

const request = {
  id: 'request-1',
  at: '2026-01-15T12:00:00.000Z',
  method: 'PATCH',
  url: '/Users/1',
  resourceType: 'User',
  resourceId: '1',
  status: 429,
  durationMs: 1,
  scimType: null,
  detail: null,
  leftOut: [],
  leftOutCount: 0,
  delivered: true,
  userAgent: null,
  repeats: 1,
};

describe('the answer of a request in the list', () => {
  it('is the error text of the answer', () => {
    expect(note({ ...request, detail: 'Too many requests.' })).toBe('Too many requests.');
    expect(note(request)).toBeNull();
  });

  it('says for how many refused requests the line stands', () => {
    expect(note({ ...request, repeats: 2, detail: 'Too many requests.' })).toBe(
      '2 requests within a minute: Too many requests.',
    );
    expect(note({ ...request, repeats: 40 })).toBe('40 requests within a minute');
  });

  it('says what was lost', () => {
    expect(note({ ...request, leftOutCount: 3 })).toBe('3 members were not stored, because no such users exist');
    expect(note({ ...request, delivered: false })).toBe('the connection ended before the response was complete');
  });
});
