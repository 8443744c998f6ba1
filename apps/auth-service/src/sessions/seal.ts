/**
 * Encrypts refresh tokens and ID tokens with AES-256-GCM, bound to their session, so that the database alone does not
 * reveal them. Also derives session secrets: each one is an HMAC of its predecessor. All tabs with the same old secret
 * thus get the same new one, and the database stores only hashes.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

interface Keys {
  readonly seal: Buffer;
  readonly chain: Buffer;
}

export class Sealer {
  private readonly first: Keys;
  private readonly keys: readonly Keys[];

  /** Each of the `keys` is 32 bytes in base64url. The first key encrypts; all keys can decrypt. */
  constructor(keys: readonly string[]) {
    const parsed = keys.map(keysOf);
    const [first] = parsed;
    if (!first) throw new TypeError('SESSION_KEYS must contain at least one key');
    this.first = first;
    this.keys = parsed;
  }

  seal(text: string, boundTo: string): Buffer {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.first.seal, iv).setAAD(Buffer.from(boundTo));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
  }

  /** Returns null if the text was encrypted with an unavailable key, bound to something else, or changed. */
  open(sealed: Buffer, boundTo: string): string | null {
    for (const { seal } of this.keys) {
      try {
        const decipher = createDecipheriv('aes-256-gcm', seal, sealed.subarray(0, IV_BYTES), {
          authTagLength: TAG_BYTES,
        })
          .setAAD(Buffer.from(boundTo))
          .setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
        return decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch {
        // The text may be encrypted with another key, so try the next key.
      }
    }
    return null;
  }

  /** Returns the possible successors of a session secret, one for each key. That of the current key comes first. */
  successors(secret: string): string[] {
    return this.keys.map(({ chain }) => createHmac('sha256', chain).update(secret).digest('base64url'));
  }
}

function keysOf(key: string): Keys {
  const bytes = Buffer.from(key, 'base64url');
  if (bytes.length !== KEY_BYTES || bytes.toString('base64url') !== key.replace(/=+$/, ''))
    throw new TypeError(`SESSION_KEYS: each key must be ${KEY_BYTES} bytes in base64url`);
  const derive = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', bytes, '', purpose, KEY_BYTES));
  return { seal: derive('stackflow session seal'), chain: derive('stackflow session chain') };
}
