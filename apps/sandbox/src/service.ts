import type { ServiceDefinition } from '#platform';
import { sandboxSettings } from './config.js';
import { sandboxMigrations } from './migrations/0001-sandbox.js';
import { SandboxModule } from './sandbox.module.js';

export const sandboxService: ServiceDefinition<typeof sandboxSettings> = {
  name: 'sandbox',
  summary: 'stand-ins for Okta, Cognito and Secrets Manager; for local runs and tests only',
  config: sandboxSettings,
  database: { schema: 'sandbox', migrations: sandboxMigrations },
  module: () => ({ module: SandboxModule }),
};
