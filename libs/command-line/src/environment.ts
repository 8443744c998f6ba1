import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { EXIT } from './exit-codes.js';
import { Refusal } from './refusal.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The only place where a command line reads `process.env`. */
export const processEnvironment = (): Environment => process.env;

/** Returns how a person types the command `name` here: through npm, or as the program itself. */
export const typedAs = (name: string, env: Environment): string =>
  env.npm_lifecycle_event === name ? `npm run ${name} --` : name;

/** Returns undefined if the user id has no entry in passwd, as in some containers. */
export function loggedInUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/** Returns the folder in which a running local stack keeps its addresses and secrets. */
export const stackFolder = (env: Environment): string => path.resolve(env.STACK_DIR || '.local');

/** Reads a JSON file of the running local stack, for example `stack.json`. The caller must check its shape. */
export function stackFile(env: Environment, name: string): unknown {
  const file = path.join(stackFolder(env), name);
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch {
    throw new Refusal(
      `No stack is running here (${file} cannot be read). Start one with "npm start" and leave it running.`,
      EXIT.config,
    );
  }
  try {
    return JSON.parse(content);
  } catch {
    throw new Refusal(`${file} is not valid. Start the stack again with "npm start".`, EXIT.config);
  }
}

/**
 * Writes a new SCIM token into the description of the running local stack. Returns the file, or undefined if no local
 * stack with this tenant runs here.
 */
export function storeStackToken(env: Environment, tenantId: string, scimToken: string): string | undefined {
  const file = path.join(stackFolder(env), 'stack.json');
  if (!existsSync(file)) return undefined;
  const stack = stackFile(env, 'stack.json') as { tenants?: { id: string }[] };
  if (!stack.tenants?.some(({ id }) => id === tenantId)) return undefined;
  const tenants = stack.tenants.map((tenant) => (tenant.id === tenantId ? { ...tenant, scimToken } : tenant));
  writeFileSync(`${file}.draft`, `${JSON.stringify({ ...stack, tenants }, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.draft`, file);
  return file;
}
