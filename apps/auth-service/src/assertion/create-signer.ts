import { ConfigError } from '#platform';
import type { AuthConfig } from '../config.js';
import { FileSigner } from './file-signer.js';
import { KmsSigner } from './kms-signer.js';
import type { AssertionSigner } from './signer.js';

export type SigningConfig = Pick<
  AuthConfig,
  'ASSERTION_KMS_KEYS' | 'ASSERTION_KEY_FILES' | 'AWS_REGION' | 'KMS_ENDPOINT'
>;

/** Uses AWS KMS in production and files in development. Rejects if KMS does not return the public keys. */
export async function createSigner(service: string, config: SigningConfig): Promise<AssertionSigner> {
  const { ASSERTION_KMS_KEYS: keys, ASSERTION_KEY_FILES: files } = config;
  if (keys.length > 0 === files.length > 0)
    throw new ConfigError(service, [
      'Set exactly one of ASSERTION_KMS_KEYS (production: keys in AWS KMS) and ASSERTION_KEY_FILES (development). Example: ASSERTION_KMS_KEYS=arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
    ]);
  if (files.length > 0) return FileSigner.load(files);
  return KmsSigner.load({ region: config.AWS_REGION, endpoint: config.KMS_ENDPOINT, keys });
}
