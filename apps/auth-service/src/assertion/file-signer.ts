/** Signs assertions with keys in files, for development. The first key signs; all keys are published. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { calculateJwkThumbprint, exportJWK, SignJWT, type JWK } from 'jose';
import { ASSERTION_HEADER, type AssertionClaims, type AssertionSigner } from './signer.js';

interface SigningKey {
  readonly privateKey: KeyObject;
  readonly jwk: JWK & { readonly kid: string };
}

export class FileSigner implements AssertionSigner {
  private constructor(
    private readonly key: SigningKey,
    private readonly keys: readonly SigningKey[],
  ) {}

  /** Loads P-256 keys from `files` (PKCS #8 PEM). An error names the file and never its content. */
  static async load(files: readonly string[]): Promise<FileSigner> {
    const keys = await Promise.all(files.map(readKey));
    const [first] = keys;
    if (!first) throw new TypeError('ASSERTION_KEY_FILES must name at least one file');
    return new FileSigner(first, keys);
  }

  sign(claims: AssertionClaims): Promise<string> {
    return new SignJWT({ ...claims })
      .setProtectedHeader({ ...ASSERTION_HEADER, kid: this.key.jwk.kid })
      .sign(this.key.privateKey);
  }

  jwks(): readonly JWK[] {
    return this.keys.map((key) => key.jwk);
  }
}

async function readKey(file: string): Promise<SigningKey> {
  const pem = await readFile(file, 'utf8');
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch {
    throw new TypeError(`${file} does not contain a private key in PEM`);
  }
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new TypeError(
      `${file} must contain a P-256 key. Make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`,
    );
  const jwk = await exportJWK(createPublicKey(privateKey));
  return { privateKey, jwk: { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: 'ES256', use: 'sig' } };
}
