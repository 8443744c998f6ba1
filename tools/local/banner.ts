/** The summary that a start prints: what runs where, and what to try. */
import path from 'node:path';
import type { StackDescription } from './folder.js';

export interface BannerOptions {
  readonly folder: string;
  readonly blank: boolean;
  readonly seconds: string;
  readonly inspectorPorts: Readonly<Record<string, number>>;
  /** Emphasises a text, if the terminal can. */
  readonly strong: (text: string) => string;
}

type Row = readonly [name: string, text: string];

const DEMONSTRATION: readonly Row[] = [
  ['okta -- assign ada@example.com', 'Okta assigns Ada to the app'],
  ['okta -- push-group StackFlow-Agents ada@example.com', 'Okta pushes a group; Ada gets a role'],
  ['stackflow -- doctor ada@example.com', 'can Ada sign in, with which roles, why'],
  ['okta -- suspend ada@example.com', "Ada's next click is refused"],
  ['stackflow -- offboarding show ada@example.com', 'when each part of the access ended'],
  ['demo -- --brief', 'the tests of the product page'],
];

const FIRST_STEPS: readonly Row[] = [
  ['stackflow -- tenants configure default --scim on', 'StackFlow accepts pushes of Okta'],
  ['okta -- connect', 'Okta gets the base URL and the token above'],
  ['okta -- assign ada@example.com', 'the first push: Okta assigns Ada to the app'],
  ['stackflow -- accounts show ada@example.com', 'the account of Ada'],
];

export function banner(
  stack: StackDescription,
  { folder, blank, seconds, inspectorPorts, strong }: BannerOptions,
): string {
  const [tenant] = stack.tenants;
  const inFolder = (...parts: string[]): string => short(path.join(folder, ...parts));
  const addresses: Row[] = [
    ['Application', `${stack.edge}/`],
    ['SCIM base URL', tenant?.scimBaseUrl ?? ''],
    ['SCIM token', `in ${inFolder('stack.json')} (.tenants[0].scimToken)`],
    ...(stack.exchange ? [['Token exchange', stack.exchange.endpoint] as const] : []),
    ['Sandbox Okta', stack.sandbox.okta],
    ['Sandbox Cognito', stack.sandbox.cognito],
    ['Sandbox Secrets Manager', stack.sandbox.secretsManager],
    ['Events', stack.kafka ? `Kafka at ${stack.kafka}` : 'Postgres'],
    ['Logs', `${inFolder('logs', '<service>.log')}  (--logs shows them here)`],
  ];
  const services = Object.entries(stack.services).map(([name, { url }]): Row => {
    const port = inspectorPorts[name];
    return [name, port === undefined ? url : `${url}  (debugger: 127.0.0.1:${port})`];
  });
  return `
${strong(`StackFlow is up after ${seconds}`)}

${table(addresses, 25)}

${strong('Services')}, each with /health/ready and /metrics
${table(services, 25)}

${blank ? `${strong('The steps to the first push')}, in another terminal (the tenant "default" is not set up)` : `${strong('Try it')} in another terminal ("okta" acts for Okta's administrator, "stackflow" for ours)`}
${table(
  (blank ? FIRST_STEPS : DEMONSTRATION).map(([command, does]) => [`npm run ${command}`, does]),
  62,
)}

Ctrl-C stops everything. The data is kept; "npm start -- --reset" begins without it.`;
}

const table = (rows: readonly Row[], width: number): string =>
  rows.map(([name, text]) => `  ${name.padEnd(width)}${text}`).join('\n');

const short = (file: string): string => {
  const relative = path.relative('.', file);
  return relative.startsWith('..') ? file : relative;
};
