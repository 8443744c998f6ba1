import type { FastifyInstance } from 'fastify';
import type { Database, Logger } from '#platform';
import { AwsError } from '../aws/aws-error.js';
import { awsRoutes, type AwsService } from '../aws/aws-listener.js';
import { CallLog } from '../control/call-log.js';
import { controlRoutes } from '../control/control-routes.js';
import { Faults } from '../control/faults.js';
import { createListener } from '../listener.js';
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
  await app.register((scope) => awsRoutes(scope, service, logger));
  controlRoutes(app, service.faults, service.calls);
  return app;
}
