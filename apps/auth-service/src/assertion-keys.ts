/**
 * `node dist/apps/auth-service/src/assertion-keys.js`: prints the public keys that Cognito's triggers need (`-c
 * assertionJwksFile=` in infra/). The command needs only the settings that name the keys.
 */
import { EXIT } from '#command-line';
import { ConfigError, loadConfig } from '#platform';
import { createSigner } from './assertion/create-signer.js';
import { signingSettings } from './config.js';

const NAME = 'auth-service';

try {
  const signer = await createSigner(NAME, loadConfig(NAME, signingSettings));
  console.log(JSON.stringify({ keys: signer.jwks() }, null, 2));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exitCode = EXIT.config;
}
