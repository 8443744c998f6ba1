/** The running stack, as `.local/stack.json` describes it. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

/** A problem that the reader can solve; printed without a stack trace. */
export class DemoProblem extends Error {}

const description = z.object({
  ready: z.boolean(),
  edge: z.url(),
  carrier: z.enum(['postgres', 'kafka']),
  tenants: z.array(z.object({ slug: z.string(), id: z.uuid() })).min(1),
  sandbox: z.object({ okta: z.url(), cognito: z.url() }),
  cognito: z.object({ region: z.string(), userPoolId: z.string() }),
  postgres: z.string(),
});
export type Stack = z.output<typeof description>;

export async function readStack(folder: string): Promise<Stack> {
  const file = path.join(folder, 'stack.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined)
    throw new DemoProblem(
      `No stack is running: ${file} is not there. Start one with "npm start" in another terminal and leave it running.`,
    );
  const parsed = description.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new DemoProblem(`${file} does not describe a stack that this demonstration knows: ${parsed.error.message}`);
  if (!parsed.data.ready)
    throw new DemoProblem('The stack is starting, or one of its services is down. Wait until it says that it is up.');
  return parsed.data;
}
