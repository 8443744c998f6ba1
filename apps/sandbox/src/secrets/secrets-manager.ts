import type { FastifyInstance } from 'fastify';
import type { Database, Logger } from '#platform';
import { AwsError } from '../aws/aws-error.js';
import { awsRoutes, type AwsService } from '../aws/aws-listener.js';
import { CallLog } from '../control/call-log.js';
import { controlRoutes } from '../control/control-routes.js';
import { Faults } from '../control/faults.js';
import { createListener } from '../listener.js';
import { serveFirstPage } from '../page.js';
import { textOf } from '../text.js';
import { secretOperations } from './operations.js';
import { SecretStore } from './store.js';

export async function createSecretsManager(
  database: Database,
  logger: Logger,
  region: string,
): Promise<FastifyInstance> {
  const service: AwsService = {
    signingName: 'secretsmanager',
    targetPrefix: 'secretsmanager',
    operations: secretOperations(new SecretStore(database, region)),
    throttleError: () => new AwsError('ThrottlingException', 'Rate exceeded'),
    subjectOf: (input) => ({ scope: null, subject: textOf(input.SecretId) ?? textOf(input.Name), group: null }),
    faults: new Faults(),
    calls: new CallLog(),
  };
  const app = createListener();
  serveFirstPage(app, {
    product: 'Sandbox Secrets Manager',
    about:
      'This server stands in for AWS Secrets Manager on this machine: it keeps hashes of SCIM tokens, client secrets and API tokens of Okta. It speaks the protocol of the AWS SDK; any access key is accepted.',
    commands: {
      'npm run stackflow -- tenants rotate-token default': 'issues a new SCIM token and stores its hash here',
    },
    paths: {
      '/sandbox/calls': 'the last calls with times and outcomes',
      '/sandbox/faults': 'the faults that the sandbox simulates now',
    },
  });
  await app.register((scope) => awsRoutes(scope, service, logger));
  controlRoutes(app, service.faults, service.calls);
  return app;
}
