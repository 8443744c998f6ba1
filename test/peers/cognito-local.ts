/**
 * The npm package `cognito-local`, a user pool of other authors, as a process of its own. `npm test` installs it; see
 * package.json in this folder.
 */
import {
  CognitoIdentityProviderClient,
  CreateGroupCommand,
  CreateUserPoolCommand,
  type SchemaAttributeType,
} from '@aws-sdk/client-cognito-identity-provider';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packagesInstalled } from '../../tools/local/packages.js';
import { ROOT } from '../../tools/local/folder.js';
import { endProcess, eventually, followLines } from '../../tools/local/process.js';
import { FIRST_GROUP } from './differences.js';

export const REGION = 'us-east-1';
export const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };

const ENTRY = path.join(ROOT, 'test', 'peers', 'node_modules', 'cognito-local', 'lib', 'bin', 'start.js');
const START_LIMIT_MS = 60_000;

const installed = packagesInstalled('test/peers');
if (!installed && process.env.REQUIRE_PEERS === '1')
  throw new Error('REQUIRE_PEERS=1, but the packages of test/peers are not installed');
/** Without the package the whole suite counts as skipped. */
export const peerSuite = installed ? describe : describe.skip;

const custom = (name: string): SchemaAttributeType => ({ Name: name, AttributeDataType: 'String', Mutable: true });

export class CognitoLocal {
  private constructor(
    readonly url: string,
    readonly poolId: string,
    readonly stop: () => Promise<void>,
  ) {}

  static async start(): Promise<CognitoLocal> {
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-cognito-local-'));
    fs.mkdirSync(path.join(folder, '.cognito'));
    // By default usernames are e-mail addresses. This is the only way to change that.
    const config = JSON.stringify({ UserPoolDefaults: { UsernameAttributes: [] } });
    fs.writeFileSync(path.join(folder, '.cognito', 'config.json'), config);
    const child = spawn(process.execPath, [ENTRY], {
      cwd: folder,
      // Only the necessary variables: NODE_OPTIONS of the test run must not affect it.
      env: { PATH: process.env.PATH ?? '', HOST: '127.0.0.1', PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let url: string | undefined;
    const { last } = followLines(child, (line) => (url ??= /running on (http:\/\/[\d.:]+)/.exec(line)?.[1]));
    const stop = async (): Promise<void> => {
      if (child.pid !== undefined) await endProcess(child.pid, [['SIGKILL', 5_000]]);
      fs.rmSync(folder, { recursive: true, force: true });
    };
    await eventually(() => url !== undefined || child.exitCode !== null, START_LIMIT_MS);
    if (url === undefined) {
      await stop();
      throw new Error(`cognito-local did not start:\n${last.join('\n')}`);
    }
    return new CognitoLocal(url, await createPool(url), stop);
  }
}

async function createPool(endpoint: string): Promise<string> {
  const client = new CognitoIdentityProviderClient({ region: REGION, endpoint, credentials: CREDENTIALS });
  const Schema = ['tenant_id', 'external_id', 'role'].map(custom);
  const { UserPool: pool } = await client.send(new CreateUserPoolCommand({ PoolName: 'stackflow', Schema }));
  if (!pool?.Id) throw new Error('cognito-local made no user pool');
  await client.send(new CreateGroupCommand({ UserPoolId: pool.Id, GroupName: FIRST_GROUP }));
  client.destroy();
  return pool.Id;
}
