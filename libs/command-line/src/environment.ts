/** The surroundings of a command: environment variables, the running local stack, and the person who runs it. */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { EXIT } from './exit-codes.js';
import { Refusal } from './refusal.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The one file of a command line that reads the environment of the process. */
export const processEnvironment = (): Environment => process.env;

/** How a person types the command `name` here: through npm, or as the program itself. */
export const typedAs = (name: string, env: Environment): string =>
  env.npm_lifecycle_event === name ? `npm run ${name} --` : name;

/** A container may run under a user id that has no entry in passwd: undefined then. */
export function loggedInUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/** The folder in which a running local stack describes itself. */
export const stackFolder = (env: Environment): string => path.resolve(env.STACK_DIR || '.local');

/** A JSON file of the running local stack, for example `stack.json`. Its shape is for the caller to check. */
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
    throw new Refusal(
      `${file} is not what a running stack writes. Start the stack again with "npm start".`,
      EXIT.config,
    );
  }
}
