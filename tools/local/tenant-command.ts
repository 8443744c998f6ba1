/** `npm run tenant -- ...`, run in the launcher's process with the access of integration-hub. */
import { Readable } from 'node:stream';
import { runCli } from '../../apps/integration-hub/src/cli.js';
import { LocalProblem } from './postgres-files.js';
import { hubEnv, type Surroundings } from './services.js';

export interface CommandAnswer {
  readonly tenant: { readonly id: string };
  readonly settings: { readonly scimEnabled: boolean };
  readonly scimToken?: string;
  readonly eventHookUrl?: string;
  readonly eventHookSecret?: string;
}

/** `input` is what the command reads where it is told to read a secret from `-`. */
export async function tenantCommand(s: Surroundings, args: readonly string[], input = ''): Promise<CommandAnswer> {
  let out = '';
  let err = '';
  const code = await runCli([...args, '--json'], {
    env: hubEnv(s),
    out: (text) => (out += text),
    err: (text) => (err += text),
    stdin: Readable.from([input]),
  });
  if (code !== 0) throw new LocalProblem(`"tenant ${args.join(' ')}" ended with code ${code}: ${err.trim()}`);
  return JSON.parse(out) as CommandAnswer;
}
