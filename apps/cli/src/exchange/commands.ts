/** `stackflow exchange`: the clients of auth-service's token exchange, and the source of a tenant's access tokens. */
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
  summary: 'the clients: of one tenant, or of all if none is named',
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
  summary: 'what a client may do, and its token endpoint',
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
  summary: 'register a client and show its secret, this once; --tenant takes several, with commas',
  examples: ['exchange add reports --audience incident-service --tenant acme'],
  options: { ...policyOptions, ...audited },
  run: on(async (auth, call, id) => {
    const body = { ...(await newPolicy(call, auth)), by: operator(call.flags.by) };
    return withSecret(auth, id, (await auth.createExchangeClient(id, body)).clientSecret);
  }),
});

const change = command({
  usage: 'change <client>',
  summary: 'change a client; whatever is not named stays as it is',
  options: { ...policyOptions, ...audited },
  run: on(async (auth, call, id) => {
    const policy = await changedPolicy(call, auth, await auth.exchangeClient(id));
    const { clientSecret } = await auth.putExchangeClient(id, { ...policy, by: operator(call.flags.by) });
    return withSecret(auth, id, clientSecret);
  }),
});

const rotate = command({
  usage: 'rotate-secret <client>',
  summary: 'make a new secret and show it, this once',
  options: { ...audited, grace: grace('how long the old one stays valid') },
  run: on(async (auth, { flags }, id) => {
    const rotated = await auth.rotateExchangeSecret(id, { graceMs: flags.grace, by: operator(flags.by) });
    const text = describeRotation(id, rotated.clientSecret, rotated.previousSecretValidUntil);
    return { text, json: { id, ...rotated } };
  }),
});

const remove = command({
  usage: 'remove <client>',
  summary: 'remove a client: it can exchange nothing from then on',
  options: audited,
  run: on(async (auth, { flags }, id) => {
    await auth.removeExchangeClient(id, operator(flags.by));
    const text = `The client "${id}" is removed. Tokens that it was given stay valid until they expire, at most an hour.`;
    return { text, json: { id, removed: true } };
  }),
});

const source = command({
  usage: 'source',
  summary: "the custom authorization server whose access tokens a tenant's exchange takes",
  run: on(async (auth, { flags }) => {
    const { slug, id } = await findTenant(auth, flags.tenant);
    const found = await auth.exchangeSource(id);
    return { text: describeSource(slug, found), json: found };
  }),
});

const setSource = command({
  usage: 'set-source',
  summary: 'name that server, and which of its tokens are taken',
  examples: [
    'exchange set-source --issuer https://your-org.okta.com/oauth2/default --audience api://default --client-id 0oa1 --scope stackflow.exchange',
  ],
  options: {
    ...audited,
    issuer: required('--issuer <url>', 'e.g. https://your-org.okta.com/oauth2/default'),
    audience: required('--audience <audience>', 'audience of that server, e.g. api://default'),
    clientId: required('--client-id <id>', 'app in Okta whose tokens are taken, 0oa... (repeatable)', collect),
    scope: required('--scope <scope>', 'scope that a token must have to be exchanged'),
  },
  run: on(async (auth, { flags }) => {
    const { slug, id } = await findTenant(auth, flags.tenant);
    const { issuer, audience, clientId, scope } = flags;
    const wanted = { issuer: issuer.trim(), audience: audience.trim(), clientIds: [...clientId], scope: scope.trim() };
    await auth.putExchangeSource(id, { ...wanted, by: operator(flags.by) });
    return { text: describeSource(slug, wanted), json: wanted };
  }),
});

const removeSource = command({
  usage: 'remove-source',
  summary: 'take no access tokens of a custom server any more',
  options: audited,
  run: on(async (auth, { flags }) => {
    const { slug, id } = await findTenant(auth, flags.tenant);
    await auth.removeExchangeSource(id, operator(flags.by));
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
