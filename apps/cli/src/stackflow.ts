/** All areas and verbs of the `stackflow` command line. The code of each is loaded when it is used. */
import type { ProgramSpec } from '#command-line';
import { collect } from '#command-line';
import { explain } from './problems.js';
import { SERVICES } from './services.js';

export const stackflow: ProgramSpec = {
  name: 'stackflow',
  description: `The Okta integration of StackFlow: tenants, accounts, offboarding, token exchange, and events.

It calls the internal APIs of the services. The URL of a service comes from --url, or else from its variable (${Object.values(SERVICES).join(', ')}), or else from the local stack in STACK_DIR (.local). The credential comes from --credential-file, or else from INTERNAL_API_CREDENTIAL, or else from the local stack.
Exit codes: 0 done, 1 refused, 64 wrong usage, 69 a service is unavailable, 75 stored but not published yet, 78 wrong configuration.`,
  examples: ['doctor ada@example.com', 'status', 'tenants list', 'accounts show ada@example.com --json'],
  entries: [
    {
      name: 'doctor',
      summary: 'explain why a person cannot get in, still gets in, or has the wrong role',
      load: async () => (await import('./doctor/command.js')).doctor,
    },
    {
      name: 'status',
      summary: 'show whether every service works, and what waits for an administrator',
      load: async () => (await import('./status/command.js')).status,
    },
    {
      name: 'audit',
      summary: 'show the sign-ins, refused sign-ins and settings changes of a tenant or a person',
      load: async () => (await import('./activity/audit.js')).audit,
    },
    {
      name: 'requests',
      summary: 'show the SCIM requests that Okta sent, and their answers',
      load: async () => (await import('./activity/requests.js')).requests,
    },
    {
      name: 'tenants',
      summary: 'tenants, their settings, their SCIM token, their connection to Okta',
      load: async () => (await import('./tenants/commands.js')).tenants,
    },
    {
      name: 'accounts',
      summary: 'accounts, their roles, and why they have these roles',
      load: async () => (await import('./accounts/commands.js')).accounts,
    },
    {
      name: 'offboarding',
      summary: 'who lost access and when, and what the brake holds',
      load: async () => (await import('./offboarding/commands.js')).offboarding,
    },
    {
      name: 'exchange',
      summary: 'token exchange: which services may act for people',
      load: async () => (await import('./exchange/commands.js')).exchange,
    },
    {
      name: 'events',
      summary: 'published events, how far each consumer group is, and parked events',
      load: async () => (await import('./events/commands.js')).events,
    },
  ],
  options: (command) =>
    command
      .option('--tenant <slug>', 'tenant, by slug or id; may be left out while there is only one')
      .option('--url <service=url>', 'where a service is (repeatable)', collect)
      .option('--credential-file <file>', 'file with the credential for the internal APIs; - means standard input'),
  explain,
};
