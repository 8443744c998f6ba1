/**
 * The limit of an exchange. This forked HTTP server makes only the unavoidable signatures and the two calls to Cognito.
 * It has no client authentication, no policy, no look-up of the person, no storage and no quota.
 */
import {
  AdminInitiateAuthCommand,
  AdminRespondToAuthChallengeCommand,
  CognitoIdentityProviderClient,
} from '@aws-sdk/client-cognito-identity-provider';
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  sign,
  verify,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FileSigner } from '../../apps/auth-service/src/assertion/file-signer.js';
import { ASSERTION_HEADER, assertionAudience, assertionClaims } from '../../apps/auth-service/src/assertion/signer.js';
import type { UserPool } from './world.js';

export interface BareJob {
  readonly cognito: string;
  readonly pool: UserPool;
  /** PKCS #8 PEM file of the signing key. The triggers know the public half of this key. */
  readonly keyFile: string;
  /** Address of the authorization server's public keys. */
  readonly jwksUri: string;
  readonly tenantId: string;
  /** Account ids by Okta id. */
  readonly accounts: Readonly<Record<string, string>>;
}

interface Limit extends BareJob {
  readonly client: CognitoIdentityProviderClient;
  readonly oktaKey: KeyObject;
  readonly ownKey: KeyObject;
  readonly head: string;
}

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

async function prepare(job: BareJob): Promise<Limit> {
  const { keys } = (await (await fetch(job.jwksUri)).json()) as { keys: [JsonWebKey] };
  const [{ kid } = { kid: '' }] = (await FileSigner.load([job.keyFile])).jwks();
  const agent = { keepAlive: true, maxSockets: 64 };
  return {
    ...job,
    client: new CognitoIdentityProviderClient({
      region: 'us-east-1',
      endpoint: job.cognito,
      credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' },
      maxAttempts: 1,
      requestHandler: { httpAgent: agent, httpsAgent: agent },
    }),
    oktaKey: createPublicKey({ key: keys[0], format: 'jwk' }),
    ownKey: createPrivateKey(readFileSync(job.keyFile)),
    head: part({ ...ASSERTION_HEADER, kid }),
  };
}

async function exchange(limit: Limit, token: string): Promise<string> {
  const { client, pool, oktaKey, ownKey, head, tenantId } = limit;
  const end = token.lastIndexOf('.');
  if (!verify('RSA-SHA256', Buffer.from(token.slice(0, end)), oktaKey, Buffer.from(token.slice(end + 1), 'base64url')))
    throw new Error('the signature is wrong');
  const { uid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { uid: string };
  const accountId = limit.accounts[uid] ?? '';
  const { userPoolId: UserPoolId, clientId: ClientId } = pool;
  const SECRET_HASH = createHmac('sha256', pool.clientSecret)
    .update(accountId + ClientId)
    .digest('base64');
  const AuthParameters = { USERNAME: accountId, SECRET_HASH };
  const begin = { UserPoolId, ClientId, AuthFlow: 'CUSTOM_AUTH', AuthParameters } as const;
  const { Session, ChallengeParameters } = await client.send(new AdminInitiateAuthCommand(begin));
  const subject = { accountId, tenantId, oktaIssuer: 'bench', oktaSub: uid, act: { sub: 'bench' } };
  const claims = assertionClaims(subject, assertionAudience(UserPoolId, ClientId), ChallengeParameters?.nonce);
  const signed = `${head}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: ownKey, dsaEncoding: 'ieee-p1363' });
  const assertion = `${signed}.${signature.toString('base64url')}`;
  const answer = new AdminRespondToAuthChallengeCommand({
    UserPoolId,
    ClientId,
    ChallengeName: 'CUSTOM_CHALLENGE',
    Session,
    ChallengeResponses: { USERNAME: accountId, ANSWER: assertion, SECRET_HASH },
    ClientMetadata: { assertion },
  });
  const { AuthenticationResult } = await client.send(answer);
  return AuthenticationResult?.AccessToken ?? '';
}

async function respond(limit: Limit, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const token = new URLSearchParams(Buffer.concat(chunks).toString()).get('subject_token') ?? '';
  const body = JSON.stringify({ access_token: await exchange(limit, token) });
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
}

/** Starts the server. Returns its URL. */
async function serve(job: BareJob): Promise<string> {
  const limit = await prepare(job);
  const server = createServer((request, response) => {
    respond(limit, request, response).catch((error: unknown) => {
      const body = String(error);
      response.writeHead(500, { 'content-length': Buffer.byteLength(body) }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

process.on('message', (job: BareJob) => {
  serve(job).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
