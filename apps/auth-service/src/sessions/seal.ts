/**
 * What the database must keep and must not know: refresh tokens and ID tokens, sealed with AES-256-GCM and bound to the
 * session that they belong to. Also the chain of session secrets: the successor of a secret is an HMAC of it, so that all
 * tabs that come with the same old one get the same new one, and nothing that could be stolen is stored for that.
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

  /** Base64url, 32 bytes each; the first seals, all open. */
  constructor(keys: readonly string[]) {
    const parsed = keys.map(keysOf);
    const [first] = parsed;
    if (!first) throw new TypeError('SESSION_KEYS must name at least one key');
    this.first = first;
    this.keys = parsed;
  }

  seal(text: string, boundTo: string): Buffer {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.first.seal, iv).setAAD(Buffer.from(boundTo));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]);
  }

  /** Null = sealed with no key of ours, for something else, or changed. */
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
        // Not this key; there may be an older one.
      }
    }
    return null;
  }

  /** The successor of a session secret by the key in force first, then by older ones. */
  successors(secret: string): string[] {
    return this.keys.map(({ chain }) => createHmac('sha256', chain).update(secret).digest('base64url'));
  }
}

function keysOf(key: string): Keys {
  const bytes = Buffer.from(key, 'base64url');
  if (bytes.length !== KEY_BYTES || bytes.toString('base64url') !== key.replace(/=+$/, ''))
    throw new TypeError(`SESSION_KEYS: each must be ${KEY_BYTES} bytes in base64url`);
  const derive = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', bytes, '', purpose, KEY_BYTES));
  return { seal: derive('stackflow session seal'), chain: derive('stackflow session chain') };
}
