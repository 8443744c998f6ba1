import {
  audited,
  collect,
  duration,
  operator,
  preset,
  required,
  type Answer,
  type AnyCommand,
  type Call,
} from '#command-line';
import type { AuthServiceClient } from '#contracts/clients';
import { command, findTenant, Services, tenantsOf, type TargetFlags } from '../services.js';
import { changedPolicy, newPolicy, policyOptions } from './policy.js';
import { describeClient, describeClients, describeRotation, describeSecret, describeSource } from './text.js';

type Run<F> = (auth: AuthServiceClient, call: Call<F>, id: string) => Promise<Answer>;

const on =
  <F extends TargetFlags>(run: Run<F>) =>
  async (call: Call<F>): Promise<Answer> =>
    run((await Services.of(call)).auth(), call, call.args[0] ?? '');

const DEFAULT_GRACE_MS = 24 * 3_600_000;

export const grace = (what: string) =>
  preset('--grace <duration>', `${what}: 24h, 30m, 0`, duration, DEFAULT_GRACE_MS, '24h');

const list = command({
  usage: 'list',
  summary: 'list the clients of one tenant or, without --tenant, of all tenants',
  run: on(async (auth, { flags, screen, typed }) => {
    const tenants = await tenantsOf(auth);
    const of = flags.tenant === undefined ? null : await findTenant(auth, flags.tenant);
    const clients = (await auth.exchangeClients()).filter((c) => of === null || c.tenants.includes(of.id));
    const none = `No service may exchange tokens yet. Register one: ${typed('exchange add <client> --audience <service>')}`;
    return { text: clients.length === 0 ? none : describeClients(screen, clients, tenants), json: clients };
  }),
});

const show = command({
  usage: 'show <client>',
  summary: 'show what a client may do, and its token endpoint',
  run: on(async (auth, _, id) => {
    const client = await auth.exchangeClient(id);
    return { text: describeClient(client, await tenantsOf(auth)), json: client };
  }),
});

async function withSecret(auth: AuthServiceClient, id: string, clientSecret: string | null): Promise<Answer> {
  const client = await auth.exchangeClient(id);
  const text = `${describeClient(client, await tenantsOf(auth))}${describeSecret(clientSecret)}`;
  return { text, json: { ...client, clientSecret } };
}

const add = command({
  usage: 'add <client>',
  summary: 'register a client and show its secret once; --tenant accepts several tenants, separated by commas',
  examples: ['exchange add reports --audience incident-service --tenant acme'],
  options: { ...policyOptions, ...audited },
  run: on(async (auth, call, id) => {
    const body = { ...(await newPolicy(call, auth)), by: operator(call) };
    return withSecret(auth, id, (await auth.createExchangeClient(id, body)).clientSecret);
  }),
});

const change = command({
  usage: 'change <client>',
  summary: 'change a client; options that are left out change nothing',
  options: { ...policyOptions, ...audited },
  run: on(async (auth, call, id) => {
    const policy = await changedPolicy(call, auth, await auth.exchangeClient(id));
    const { clientSecret } = await auth.putExchangeClient(id, { ...policy, by: operator(call) });
    return withSecret(auth, id, clientSecret);
  }),
});

const rotate = command({
  usage: 'rotate-secret <client>',
  summary: 'make a new secret and show it once',
  options: { ...audited, grace: grace('how long the old secret stays valid') },
  run: on(async (auth, { flags, env }, id) => {
    const rotated = await auth.rotateExchangeSecret(id, { graceMs: flags.grace, by: operator({ flags, env }) });
    const text = describeRotation(id, rotated.clientSecret, rotated.previousSecretValidUntil);
    return { text, json: { id, ...rotated } };
  }),
});

const remove = command({
  usage: 'remove <client>',
  summary: 'remove a client; from then on it cannot exchange tokens',
  options: audited,
  run: on(async (auth, { flags, env }, id) => {
    await auth.removeExchangeClient(id, operator({ flags, env }));
    const text = `The client "${id}" is removed. Tokens that it already received stay valid until they expire, for at most an hour.`;
    return { text, json: { id, removed: true } };
  }),
});

const source = command({
  usage: 'source',
  summary: 'show the custom authorization server whose access tokens a tenant accepts',
  run: on(async (auth, { flags }) => {
    const { slug, id } = await findTenant(auth, flags.tenant);
    const found = await auth.exchangeSource(id);
    return { text: describeSource(slug, found), json: found };
  }),
});

const setSource = command({
  usage: 'set-source',
  summary: 'set the custom authorization server of a tenant, and which of its access tokens are accepted',
  examples: [
    'exchange set-source --issuer https://your-org.okta.com/oauth2/default --audience api://default --client-id 0oa1 --scope stackflow.exchange',
  ],
  options: {
    ...audited,
    issuer: required('--issuer <url>', 'e.g. https://your-org.okta.com/oauth2/default'),
    audience: required('--audience <audience>', 'audience of the custom authorization server, e.g. api://default'),
    clientId: required(
      '--client-id <id>',
      'client id (0oa...) of an Okta app whose tokens are accepted (repeatable)',
      collect,
    ),
    scope: required('--scope <scope>', 'scope that a token must contain to be exchanged'),
  },
  run: on(async (auth, { flags, env }) => {
    const { slug, id } = await findTenant(auth, flags.tenant);
    const { issuer, audience, clientId, scope } = flags;
    const wanted = { issuer: issuer.trim(), audience: audience.trim(), clientIds: [...clientId], scope: scope.trim() };
    await auth.putExchangeSource(id, { ...wanted, by: operator({ flags, env }) });
    return { text: describeSource(slug, wanted), json: wanted };
  }),
});

const removeSource = command({
  usage: 'remove-source',
  summary: 'stop accepting access tokens of a custom authorization server',
  options: audited,
  run: on(async (auth, { flags, env }) => {
    const { slug, id } = await findTenant(auth, flags.tenant);
    await auth.removeExchangeSource(id, operator({ flags, env }));
    return { text: describeSource(slug, null), json: null };
  }),
});

export const exchange: readonly AnyCommand[] = [
  list,
  show,
  add,
  change,
  rotate,
  remove,
  source,
  setSource,
  removeSource,
];
