import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  RestoreSecretCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { randomUUID } from 'node:crypto';
import { control, outcome, startSandbox, type RunningSandbox } from '../support/sandbox.js';

describe('the Secrets Manager stand-in, through the AWS SDK', () => {
  let running: RunningSandbox;
  beforeAll(async () => {
    running = await startSandbox();
  });
  afterAll(() => running.stop());

  const create = async (SecretString?: string, Name = `stackflow/${randomUUID()}/scim-token`): Promise<string> => {
    await running.secrets.send(new CreateSecretCommand({ Name, SecretString }));
    return Name;
  };
  const put = (SecretId: string, SecretString: string, ClientRequestToken: string = randomUUID()) =>
    running.secrets.send(new PutSecretValueCommand({ SecretId, SecretString, ClientRequestToken }));
  const read = async (SecretId: string, VersionStage?: string) =>
    (await running.secrets.send(new GetSecretValueCommand({ SecretId, VersionStage }))).SecretString;
  const stages = async (SecretId: string) =>
    (await running.secrets.send(new DescribeSecretCommand({ SecretId }))).VersionIdsToStages ?? {};

  it('creates, reads by name, ARN and partial ARN', async () => {
    const name = await create('one');
    const value = await running.secrets.send(new GetSecretValueCommand({ SecretId: name }));
    expect(value).toMatchObject({ Name: name, SecretString: 'one', VersionStages: ['AWSCURRENT'] });
    expect(value.CreatedDate).toBeInstanceOf(Date);
    expect(value.ARN).toMatch(new RegExp(`^arn:aws:secretsmanager:us-east-1:\\d{12}:secret:${name}-\\w{6}$`));
    expect(await read(value.ARN ?? '')).toBe('one');
    expect(await read(value.ARN?.slice(0, -7) ?? '')).toBe('one');
    expect(await outcome(read('arn:aws:secretsmanager:us-east-1:000000000000:secret:%'))).toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('keeps binary values', async () => {
    const Name = `binary-${randomUUID()}`;
    await running.secrets.send(new CreateSecretCommand({ Name, SecretBinary: Buffer.from([0, 255, 7]) }));
    const { SecretBinary } = await running.secrets.send(new GetSecretValueCommand({ SecretId: Name }));
    expect([...(SecretBinary ?? [])]).toEqual([0, 255, 7]);
  });

  it('moves AWSCURRENT and AWSPREVIOUS on each put', async () => {
    const name = await create('one');
    await put(name, 'two');
    expect([await read(name), await read(name, 'AWSPREVIOUS')]).toEqual(['two', 'one']);
    await put(name, 'three');
    expect([await read(name), await read(name, 'AWSPREVIOUS')]).toEqual(['three', 'two']);
    expect(
      Object.values(await stages(name))
        .flat()
        .sort(),
    ).toEqual(['AWSCURRENT', 'AWSPREVIOUS']);
  });

  it('is idempotent by token and refuses the same token with another value', async () => {
    const name = await create('one');
    const token = randomUUID();
    await put(name, 'two', token);
    const before = await stages(name);
    await put(name, 'two', token);
    expect(await stages(name)).toEqual(before);
    expect(await outcome(put(name, 'other', token))).toMatchObject({ name: 'ResourceExistsException' });
    expect(await read(name)).toBe('two');
  });

  it('serializes concurrent puts: one version is current, one is previous, and none is lost', async () => {
    const name = await create('start');
    const tokens = Array.from({ length: 8 }, () => randomUUID());
    await Promise.all(tokens.map((token, i) => put(name, `v${i}`, token)));
    const labels = await stages(name);
    expect(Object.values(labels).flat().sort()).toEqual(['AWSCURRENT', 'AWSPREVIOUS']);
    for (const token of tokens)
      expect(
        await outcome(running.secrets.send(new GetSecretValueCommand({ SecretId: name, VersionId: token }))),
      ).toMatchObject({ name: 'ok' });
  });

  it('accepts a repeated create with the same token, and refuses a second secret with the same name', async () => {
    const Name = `repeat-${randomUUID()}`;
    const input = { Name, SecretString: 'x', ClientRequestToken: randomUUID() };
    const first = await running.secrets.send(new CreateSecretCommand(input));
    expect((await running.secrets.send(new CreateSecretCommand(input))).VersionId).toBe(first.VersionId);
    expect(await outcome(create('x', Name))).toMatchObject({ name: 'ResourceExistsException', status: 400 });
  });

  it('moves a label on request only if its current version is named', async () => {
    const name = await create('one');
    await put(name, 'two');
    const byLabel = Object.fromEntries(Object.entries(await stages(name)).map(([id, [label]]) => [label, id])) as {
      AWSCURRENT: string;
      AWSPREVIOUS: string;
    };
    const moveCurrent = (input: { RemoveFromVersionId?: string; MoveToVersionId?: string }) =>
      outcome(
        running.secrets.send(
          new UpdateSecretVersionStageCommand({ SecretId: name, VersionStage: 'AWSCURRENT', ...input }),
        ),
      );
    expect(await moveCurrent({ MoveToVersionId: byLabel.AWSPREVIOUS })).toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringContaining(byLabel.AWSCURRENT) as string,
    });
    expect(await moveCurrent({ RemoveFromVersionId: byLabel.AWSCURRENT })).toMatchObject({
      name: 'InvalidParameterException',
    });
    expect(
      await moveCurrent({ RemoveFromVersionId: byLabel.AWSCURRENT, MoveToVersionId: byLabel.AWSPREVIOUS }),
    ).toMatchObject({ name: 'ok' });
    expect([await read(name), await read(name, 'AWSPREVIOUS')]).toEqual(['one', 'two']);
  });

  it('names the missing secret or version', async () => {
    expect(await outcome(read('nobody/knows'))).toMatchObject({
      name: 'ResourceNotFoundException',
      message: "Secrets Manager can't find the specified secret.",
    });
    const name = await create('one');
    expect(await outcome(read(name, 'AWSPENDING'))).toMatchObject({
      name: 'ResourceNotFoundException',
      message: expect.stringContaining('AWSPENDING') as string,
    });
    expect(
      await outcome(running.secrets.send(new GetSecretValueCommand({ SecretId: name, VersionId: randomUUID() }))),
    ).toMatchObject({ name: 'ResourceNotFoundException' });
    const empty = await create();
    expect(await outcome(read(empty))).toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it('deletes with a recovery window, restores, and deletes for good', async () => {
    const name = await create('one');
    const { DeletionDate } = await running.secrets.send(
      new DeleteSecretCommand({ SecretId: name, RecoveryWindowInDays: 7 }),
    );
    expect(Math.round(((DeletionDate?.getTime() ?? 0) - Date.now()) / 86_400_000)).toBe(7);
    for (const attempt of [
      () => read(name),
      () => put(name, 'x'),
      () => create('x', name),
      () => running.secrets.send(new DeleteSecretCommand({ SecretId: name })),
    ]) {
      expect(await outcome(attempt())).toMatchObject({ name: 'InvalidRequestException' });
    }
    expect((await running.secrets.send(new DescribeSecretCommand({ SecretId: name }))).DeletedDate).toBeInstanceOf(
      Date,
    );
    await running.secrets.send(new RestoreSecretCommand({ SecretId: name }));
    expect(await read(name)).toBe('one');
    await running.secrets.send(new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }));
    expect(await outcome(read(name))).toMatchObject({ name: 'ResourceNotFoundException' });
    expect(
      await outcome(
        running.secrets.send(new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true })),
      ),
    ).toMatchObject({ name: 'ok' });
    expect(await outcome(create('again', name))).toMatchObject({ name: 'ok' });
  });

  it.each([
    [{ Name: 'bad name', SecretString: 'x' }, 'Invalid name'],
    [{ Name: '', SecretString: 'x' }, 'length greater than or equal to 1'],
    [{ Name: 'both', SecretString: 'x', SecretBinary: Buffer.from('x') }, "can't specify both"],
    [{ Name: 'big', SecretString: 'ü'.repeat(32_769) }, '65536'],
    [{ Name: 'token', SecretString: 'x', ClientRequestToken: 'short' }, 'length greater than or equal to 32'],
  ])('refuses a secret: case %#', async (input, words) => {
    expect(await outcome(running.secrets.send(new CreateSecretCommand(input)))).toMatchObject({
      name: 'InvalidParameterException',
      message: expect.stringContaining(words) as string,
    });
  });

  it('refuses odd recovery windows', async () => {
    const SecretId = await create('x');
    for (const input of [
      { RecoveryWindowInDays: 6 },
      { RecoveryWindowInDays: 31 },
      { RecoveryWindowInDays: 7, ForceDeleteWithoutRecovery: true },
    ]) {
      expect(await outcome(running.secrets.send(new DeleteSecretCommand({ SecretId, ...input })))).toMatchObject({
        name: 'InvalidParameterException',
      });
    }
  });

  it('lists in pages, by prefix, with deleted secrets on request only', async () => {
    const prefix = `list-${randomUUID()}`;
    for (let i = 0; i < 3; i++) await create('x', `${prefix}/${i}`);
    await running.secrets.send(new DeleteSecretCommand({ SecretId: `${prefix}/1` }));
    const all = async (IncludePlannedDeletion: boolean) => {
      const names: string[] = [];
      let NextToken: string | undefined;
      do {
        const page = await running.secrets.send(
          new ListSecretsCommand({
            MaxResults: 2,
            NextToken,
            IncludePlannedDeletion,
            Filters: [{ Key: 'name', Values: [prefix] }],
          }),
        );
        names.push(...(page.SecretList ?? []).map((s) => s.Name ?? ''));
        NextToken = page.NextToken;
      } while (NextToken);
      return names;
    };
    expect(await all(false)).toEqual([`${prefix}/0`, `${prefix}/2`]);
    expect(await all(true)).toEqual([`${prefix}/0`, `${prefix}/1`, `${prefix}/2`]);
  });

  it('fails as injected, and keeps everything over a restart', async () => {
    const name = await create('one');
    await put(name, 'two');
    await control(running.sandbox.endpoints.secretsManager, 'POST', 'faults', {
      effect: 'throttle',
      times: 1,
      operation: 'GetSecretValue',
    });
    expect(await outcome(read(name))).toMatchObject({ name: 'ThrottlingException' });
    running = await running.restart();
    expect([await read(name), await read(name, 'AWSPREVIOUS')]).toEqual(['two', 'one']);
  });
});
