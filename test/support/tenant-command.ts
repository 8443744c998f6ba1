/** Changes tenants of a test stack through the hub's internal API, as an administrator does. */
import fs from 'node:fs';
import path from 'node:path';
import { HubClient, InternalClient } from '#contracts/clients';
import type { TestStack } from './stack.js';

/** Recorded as the author of every change that a test makes. */
export const TESTER = 'test';

export function hubOf(stack: TestStack): HubClient {
  const url = stack.description.services['integration-hub']?.url ?? '';
  const secrets = fs.readFileSync(path.join(stack.folder, 'secrets.json'), 'utf8');
  const { callers } = JSON.parse(secrets) as { callers: { cli: string } };
  return new HubClient(new InternalClient({ service: 'integration-hub', url, token: `cli.${callers.cli}` }));
}
