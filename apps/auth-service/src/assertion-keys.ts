/**
 * `node dist/apps/auth-service/src/assertion-keys.js`: the public keys of the assertions, as Cognito's triggers need them
 * (`-c assertionJwksFile=` in infra/). Needs what says where the keys are, and nothing else of the service.
 */
import { ConfigError, loadConfig } from '#platform';
import { createSigner } from './assertion/create-signer.js';
import { signingSettings } from './config.js';

const NAME = 'auth-service';
const EX_CONFIG = 78;

try {
  const signer = await createSigner(NAME, loadConfig(NAME, signingSettings));
  console.log(JSON.stringify({ keys: signer.jwks() }, null, 2));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exitCode = EX_CONFIG;
}
