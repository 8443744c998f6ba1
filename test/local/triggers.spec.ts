/** The packed triggers, run as AWS Lambda runs them: from a folder that contains nothing else. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from '../../tools/local/folder.js';
import { packTriggers, TRIGGERS } from '../../tools/triggers/pack.js';
import { assertionKey, jwksOf } from '../support/cognito-sign-in.js';
import { compiled } from '../support/services.js';

const EVENTS: Readonly<Record<(typeof TRIGGERS)[number], object>> = {
  'define-auth-challenge': { request: { userAttributes: {}, session: [] } },
  'create-auth-challenge': { request: { userAttributes: {}, challengeName: 'CUSTOM_CHALLENGE', session: [] } },
  'verify-auth-challenge-response': {
    userName: 'anna',
    callerContext: { clientId: 'client' },
    request: { userAttributes: {}, challengeAnswer: 'wrong', privateChallengeParameters: { nonce: 'n' } },
  },
  'pre-token-generation': {
    request: { userAttributes: { 'custom:tenant_id': 'acme' }, groupConfiguration: { groupsToOverride: ['viewer'] } },
  },
};

describe('npm run build:triggers', () => {
  let folder: string;
  let jwks: string;
  beforeAll(async () => {
    await compiled();
    folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-triggers-'));
    jwks = jwksOf(await assertionKey('key-1'));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  /** Returns the output: the lines that the function logs, then its answer. */
  const invoke = (name: string, event: object, env: NodeJS.ProcessEnv) => {
    const script = `
      const { handler } = await import(${JSON.stringify(path.join(folder, name, 'index.mjs'))});
      console.log(JSON.stringify((await handler(${JSON.stringify(event)})).response));`;
    return execFileSync(process.execPath, ['--input-type=module', '-e', `${script}`], {
      cwd: folder,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  };

  it('packs functions that run without any other file', () => {
    const packed = packTriggers(path.join(ROOT, 'dist/apps/cognito-triggers/src'), folder);
    expect(packed.map((f) => path.basename(f))).toEqual(TRIGGERS);
    const answers = TRIGGERS.map((name) => JSON.parse(invoke(name, EVENTS[name], { ASSERTION_JWKS: jwks })) as object);
    expect(answers).toEqual([
      expect.objectContaining({ challengeName: 'CUSTOM_CHALLENGE' }),
      expect.objectContaining({ challengeMetadata: 'OKTA_ASSERTION' }),
      { answerCorrect: false },
      {
        claimsAndScopeOverrideDetails: expect.objectContaining({
          accessTokenGeneration: {
            claimsToAddOrOverride: { roles: ['viewer'], tenant_id: 'acme' },
            scopesToAdd: ['stackflow'],
            scopesToSuppress: ['aws.cognito.signin.user.admin'],
          },
        }),
      },
    ]);
  });

  it('packs functions that refuse to load without the keys of auth-service, if they need them', () => {
    packTriggers(path.join(ROOT, 'dist/apps/cognito-triggers/src'), folder);
    for (const name of ['verify-auth-challenge-response', 'pre-token-generation'] as const)
      expect(() => invoke(name, EVENTS[name], {})).toThrow('ASSERTION_JWKS must be a JWKS');
    expect(() => invoke('define-auth-challenge', EVENTS['define-auth-challenge'], {})).not.toThrow();
  });
});
