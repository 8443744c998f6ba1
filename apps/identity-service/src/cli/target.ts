/** Where the command line finds identity-service: flags, else the files of the running local stack. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { loadConfig, text } from '#platform';

export interface Target {
  readonly url: string;
  readonly token: string;
}

/** Something that the person at the keyboard can put right. */
export class CliError extends Error {
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
    this.name = 'CliError';
  }
}

/** Exit codes; from 64 on those of sysexits.h. */
export const EXIT = { ok: 0, refused: 1, usage: 64, unavailable: 69 } as const;

const where = {
  STACK_DIR: text({ purpose: 'Folder of the running local stack.', example: '.local', default: '.local' }),
};
const stackFile = z.object({ services: z.record(z.string(), z.object({ url: z.string() })) });
const secretsFile = z.object({ internalToken: z.string().min(1) });

export function findTarget(
  flags: { url?: string | undefined; token?: string | undefined },
  env?: NodeJS.ProcessEnv,
): Target {
  if (flags.url !== undefined && flags.token !== undefined)
    return { url: flags.url.replace(/\/+$/, ''), token: flags.token };
  const folder = path.resolve(loadConfig('accounts', where, env).STACK_DIR);
  const url = flags.url ?? readJson(path.join(folder, 'stack.json'), stackFile).services['identity-service']?.url;
  if (url === undefined)
    throw new CliError(
      `${folder}/stack.json names no identity-service. Start the stack again with "npm start".`,
      EXIT.unavailable,
    );
  return {
    url: url.replace(/\/+$/, ''),
    token: flags.token ?? readJson(path.join(folder, 'secrets.json'), secretsFile).internalToken,
  };
}

function readJson<T>(file: string, schema: z.ZodType<T>): T {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch {
    throw new CliError(
      `No stack is running here (${file} cannot be read). Start one with "npm start", or name a service with --url and --token.`,
      EXIT.unavailable,
    );
  }
  try {
    return schema.parse(JSON.parse(content));
  } catch {
    throw new CliError(
      `${file} is not what a running stack writes. Start the stack again with "npm start".`,
      EXIT.unavailable,
    );
  }
}
