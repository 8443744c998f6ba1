/**
 * Signs assertions with keys in AWS KMS. The first key signs; all keys are published. The public keys are read at
 * startup.
 * https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
 */
import { createPublicKey } from 'node:crypto';
import { GetPublicKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose';
import { ASSERTION_HEADER, SigningUnavailable, type AssertionClaims, type AssertionSigner } from './signer.js';

export interface KmsSignerOptions {
  readonly region: string;
  readonly endpoint?: string | undefined;
  /** Key ids, ARNs or aliases. Each key must have the spec ECC_NIST_P256 and the usage SIGN_VERIFY. */
  readonly keys: readonly string[];
}

interface KmsKey {
  readonly keyId: string;
  readonly jwk: JWK & { readonly kid: string };
}

const REQUEST_MS = 2_000;
/** Length of each of the two numbers in an ES256 signature (RFC 7518 section 3.4). */
const HALF_BYTES = 32;

export class KmsSigner implements AssertionSigner {
  private constructor(
    private readonly client: KMSClient,
    private readonly key: KmsKey,
    private readonly keys: readonly KmsKey[],
  ) {}

  /** Reads the public keys from KMS. Rejects if KMS fails, or if a key has another spec or usage. */
  static async load({ region, endpoint, keys: ids }: KmsSignerOptions): Promise<KmsSigner> {
    const client = new KMSClient({
      region,
      ...(endpoint && { endpoint }),
      maxAttempts: 3,
      requestHandler: { connectionTimeout: 1_000, requestTimeout: REQUEST_MS, throwOnRequestTimeout: true },
    });
    const keys = await Promise.all(ids.map((id) => publicKey(client, id)));
    const [first] = keys;
    if (!first) throw new TypeError('ASSERTION_KMS_KEYS must name at least one key');
    return new KmsSigner(client, first, keys);
  }

  async sign(claims: AssertionClaims): Promise<string> {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ ...ASSERTION_HEADER, kid: this.key.jwk.kid })}.${part(claims)}`;
    return `${signed}.${(await this.signature(signed)).toString('base64url')}`;
  }

  jwks(): readonly JWK[] {
    return this.keys.map((key) => key.jwk);
  }

  private async signature(signed: string): Promise<Buffer> {
    const command = new SignCommand({
      KeyId: this.key.keyId,
      SigningAlgorithm: 'ECDSA_SHA_256',
      MessageType: 'RAW', // KMS computes the hash itself and accepts up to 4 KiB, six times the size of an assertion
      Message: Buffer.from(signed),
    });
    try {
      const { Signature } = await this.client.send(command);
      return joseSignature(Signature ?? new Uint8Array());
    } catch (error) {
      throw new SigningUnavailable(error);
    }
  }
}

async function publicKey(client: KMSClient, keyId: string): Promise<KmsKey> {
  const { PublicKey, KeySpec, KeyUsage } = await client.send(new GetPublicKeyCommand({ KeyId: keyId }));
  if (!PublicKey || KeySpec !== 'ECC_NIST_P256' || KeyUsage !== 'SIGN_VERIFY')
    throw new TypeError(`the KMS key ${keyId} must have the spec ECC_NIST_P256 and the usage SIGN_VERIFY`);
  const jwk = await exportJWK(createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' }));
  return { keyId, jwk: { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: 'ES256', use: 'sig' } };
}

/** Converts a signature from DER (X9.62: a SEQUENCE of two INTEGERs) to the format of JOSE. Exported for its test. */
export function joseSignature(der: Uint8Array): Buffer {
  const bytes = Buffer.from(der);
  const [r, next] = integerAt(bytes, 2);
  const [s, end] = integerAt(bytes, next);
  if (bytes[0] !== 0x30 || bytes[1] !== bytes.length - 2 || end !== bytes.length)
    throw new Error('KMS did not return an ECDSA signature');
  return Buffer.concat([r, s]);
}

function integerAt(bytes: Buffer, at: number): [value: Buffer, next: number] {
  const next = at + 2 + (bytes[at + 1] ?? 0);
  const value = bytes.subarray(at + 2, next);
  const short = value[0] === 0 ? value.subarray(1) : value;
  if (bytes[at] !== 0x02 || value.length === 0 || short.length > HALF_BYTES)
    throw new Error('KMS did not return an ECDSA signature');
  return [Buffer.concat([Buffer.alloc(HALF_BYTES - short.length), short]), next];
}
