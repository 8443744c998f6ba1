/** `npm run tenant -- ...` against a test stack, in this process. */
import { Readable } from 'node:stream';
import { runCli } from '../../apps/integration-hub/src/cli.js';
import type { TestStack } from './stack.js';

export async function runTenantCommand(
  stack: TestStack,
  args: readonly string[],
  /** Where the command reads a secret from `-`. */
  input = '',
): Promise<{ id: string; token: string }> {
  let out = '';
  let err = '';
  const code = await runCli(args, {
    env: { STACK_DIR: stack.folder },
    out: (text) => (out += text),
    err: (text) => (err += text),
    stdin: Readable.from([input]),
  });
  if (code !== 0) throw new Error(`tenant ${args.join(' ')} ended with ${code}: ${err}`);
  const { tenant, scimToken } = JSON.parse(out) as { tenant: { id: string }; scimToken?: string };
  return { id: tenant.id, token: scimToken ?? '' };
}
