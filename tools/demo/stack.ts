/** The running stack, as the files in its folder describe it. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { ApiProblem, InternalClient, ServiceUnreachable } from '#contracts/clients';

/** A problem that the reader can solve. It is printed without a stack trace. */
export class DemoProblem extends Error {}

export const isProblem = (error: unknown): error is Error =>
  [DemoProblem, ApiProblem, ServiceUnreachable].some((kind) => error instanceof kind);

const tenant = z.object({ slug: z.string(), id: z.uuid(), scimBaseUrl: z.url(), scimToken: z.string().nullable() });
const description = z.object({
  ready: z.boolean(),
  edge: z.url(),
  carrier: z.enum(['postgres', 'kafka']),
  tenants: z.tuple([tenant], tenant),
  services: z.record(z.string(), z.object({ url: z.url() })),
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
      `No stack is running: ${file} does not exist. Start one with "npm start" in another terminal and leave it running.`,
    );
  const parsed = description.safeParse(JSON.parse(text));
  if (!parsed.success)
    throw new DemoProblem(`${file} does not describe a stack that this demonstration knows: ${parsed.error.message}`);
  if (!parsed.data.ready)
    throw new DemoProblem(
      'The stack is starting, or one of its services is down. Wait until "npm start" says that it is up.',
    );
  return parsed.data;
}

export function clientOf(stack: Stack, folder: string, service: string): InternalClient {
  const url = stack.services[service]?.url;
  if (url === undefined) throw new DemoProblem(`The stack runs no ${service}. Start the stack again with "npm start".`);
  const secrets: unknown = JSON.parse(readFileSync(path.join(folder, 'secrets.json'), 'utf8'));
  return new InternalClient({
    service,
    url,
    token: `cli.${z.object({ callers: z.object({ cli: z.string() }) }).parse(secrets).callers.cli}`,
  });
}
