import { randomBytes } from 'node:crypto';
import { Sealer } from './seal.js';

const key = (): string => randomBytes(32).toString('base64url');

describe('a sealed text', () => {
  const first = key();
  const sealer = new Sealer([first]);

  it('can be opened only for the session and purpose that it was sealed for', () => {
    const sealed = sealer.seal('a refresh token', 's1:refresh');
    expect(sealer.open(sealed, 's1:refresh')).toBe('a refresh token');
    expect(sealer.open(sealed, 's2:refresh')).toBeNull();
    expect(sealer.open(sealed, 's1:id')).toBeNull();
  });

  it('differs each time and does not contain the text', () => {
    const [a, b] = [sealer.seal('text', 'x'), sealer.seal('text', 'x')];
    expect(a.equals(b)).toBe(false);
    expect(a.includes('text')).toBe(false);
  });

  it('cannot be opened when a bit is changed or a part is missing', () => {
    const sealed = sealer.seal('text', 'x');
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed);
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(sealer.open(changed, 'x')).toBeNull();
      expect(sealer.open(sealed.subarray(0, i), 'x')).toBeNull();
    }
  });

  it('can be opened with an older key as long as the key is listed', () => {
    const sealed = sealer.seal('text', 'x');
    const second = key();
    expect(new Sealer([second, first]).open(sealed, 'x')).toBe('text');
    expect(new Sealer([second]).open(sealed, 'x')).toBeNull();
  });
});

describe('the successor of a secret', () => {
  it('is the same each time for one key, and differs for another secret or key', () => {
    const [a, b] = [key(), key()];
    const one = new Sealer([a]).successors('secret');
    expect(new Sealer([a]).successors('secret')).toEqual(one);
    expect(new Sealer([a]).successors('Secret')).not.toEqual(one);
    expect(new Sealer([b, a]).successors('secret')[1]).toBe(one[0]);
    expect(one[0]).toMatch(/^[\w-]{43}$/);
  });
});

it.each([[[]], [['short']], [[`${key()}=!`]], [[randomBytes(31).toString('base64url')]]])(
  'refuses the keys %j',
  (keys) => {
    expect(() => new Sealer(keys)).toThrow('SESSION_KEYS');
  },
);
