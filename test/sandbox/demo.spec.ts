import {
  AdminAddUserToGroupCommand,
  AdminCreateUserCommand,
  AdminSetUserPasswordCommand,
  CreateGroupCommand,
} from '@aws-sdk/client-cognito-identity-provider';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { readStack } from '../../tools/demo/stack.js';
import { printTimeline, zeroOf } from '../../tools/demo/timeline.js';
import { UserPoolReader } from '../../tools/demo/user-pool.js';
import { startSandbox, type RunningSandbox } from '../support/sandbox.js';

describe('the check of the demonstration', () => {
  let running: RunningSandbox;
  let pool: UserPoolReader;
  beforeAll(async () => {
    running = await startSandbox();
    const { endpoints } = running.sandbox;
    const stack = {
      sandbox: { okta: endpoints.okta, cognito: endpoints.cognito },
      cognito: { region: 'us-east-1', userPoolId: running.poolId },
    };
    pool = new UserPoolReader(stack);
    for (const GroupName of ['itsm_agent', 'itsm_manager'])
      await running.cognito.send(new CreateGroupCommand({ UserPoolId: running.poolId, GroupName }));
  });
  afterAll(async () => {
    pool.close();
    await running.stop();
  });

  const person = async (groups: readonly string[], role: string): Promise<string> => {
    const about = { UserPoolId: running.poolId, Username: randomUUID() };
    const UserAttributes = [{ Name: 'custom:role', Value: role }];
    await running.cognito.send(new AdminCreateUserCommand({ ...about, UserAttributes }));
    await running.cognito.send(
      new AdminSetUserPasswordCommand({ ...about, Password: 'Correct-Horse-9', Permanent: true }),
    );
    for (const GroupName of groups) await running.cognito.send(new AdminAddUserToGroupCommand({ ...about, GroupName }));
    return about.Username;
  };
  const manager = { enabled: true, groups: ['itsm_manager'], attributes: { 'custom:role': 'itsm_manager' } };

  it('succeeds with exactly the expected groups and attributes', async () => {
    expect(await pool.reach(await person(['itsm_manager'], 'itsm_manager'), manager, undefined, 3_000)).toEqual([]);
  });

  it.each([
    ['the old role beside the new one', ['itsm_agent', 'itsm_manager'], 'itsm_manager', 'groups is'],
    ['the old role', ['itsm_agent'], 'itsm_manager', 'groups is'],
    ['no role', [], 'itsm_manager', 'groups is []'],
    ['another primary role', ['itsm_manager'], 'itsm_agent', 'custom:role is "itsm_agent"'],
  ])('fails with %s', async (_what, groups, role, words) => {
    const wrong = await pool.reach(await person(groups, role), manager, undefined, 0);
    expect(wrong.join()).toContain(words);
  });

  it('fails if the user does not exist', async () => {
    expect(await pool.reach(randomUUID(), manager, undefined, 0)).toEqual(['the user does not exist in Cognito']);
  });

  it('measures from the first request of Okta that writes', () => {
    const exchange = { url: 'http://x/Users', status: 200, ms: 1, endedAt: 0, requestId: null };
    const lines: string[] = [];
    printTimeline(
      [
        { at: 1_000, what: 'look-up' },
        { at: 1_262.5, what: 'later' },
      ],
      zeroOf({
        exchanges: [
          { ...exchange, method: 'GET', startedAt: 1_000 },
          { ...exchange, method: 'POST', startedAt: 1_250 },
        ],
        deliveries: [],
      }),
      (line) => lines.push(line.trim()),
    );
    expect(lines).toEqual(['before  look-up', '+12.5 ms  later']);
  });

  it('needs a running stack and says how to start one', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'demo-'));
    await expect(readStack(folder)).rejects.toThrow('npm start');
    await writeFile(path.join(folder, 'stack.json'), '{"ready":true}');
    await expect(readStack(folder)).rejects.toThrow('does not describe a stack');
    await rm(folder, { recursive: true });
  });
});
