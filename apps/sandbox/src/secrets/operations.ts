import type { Tx } from '#platform';
import { AwsError, invalidParameter } from '../aws/aws-error.js';
import { operation, type Operation } from '../aws/aws-listener.js';
import { page, pageStart } from '../aws/paging.js';
import * as shape from './shapes.js';
import type { SecretValue } from './shapes.js';
import { attach, CURRENT, move } from './stages.js';
import { stagesOf, type SecretRow, type SecretStore, type VersionRow } from './store.js';

const NAME = /^[A-Za-z0-9/_+=.@-]+$/;

export function secretOperations(store: SecretStore): Record<string, Operation> {
  return { ...valueOperations(store), ...lifecycleOperations(store) };
}

function valueOperations(store: SecretStore): Record<string, Operation> {
  return {
    GetSecretValue: operation(shape.getSecretValue, async (input) => {
      const { secret, versions } = await store.read(input.SecretId);
      const version = pickVersion(versions, input.VersionId, input.VersionStage);
      const value = version.secret_binary
        ? { SecretBinary: version.secret_binary.toString('base64') }
        : { SecretString: version.secret_string };
      return {
        ...named(secret),
        VersionId: version.id,
        VersionStages: version.stages,
        CreatedDate: version.created,
        ...value,
      };
    }),
    PutSecretValue: operation(shape.putSecretValue, (input) => {
      oneValue(input, true);
      return store.change(input.SecretId, {}, (tx, secret) =>
        putVersion(store, tx, secret, input.ClientRequestToken, input, input.VersionStages ?? [CURRENT]),
      );
    }),
    UpdateSecretVersionStage: operation(shape.updateSecretVersionStage, (input) =>
      store.change(input.SecretId, {}, async (tx, secret) => {
        const versions = await store.versions(tx, secret.name);
        for (const id of [input.MoveToVersionId, input.RemoveFromVersionId])
          if (id !== undefined && !versions.some((v) => v.id === id)) throw noVersion(`VersionId: ${id}`);
        await store.saveStages(
          tx,
          secret.name,
          move(stagesOf(versions), input.VersionStage, input.RemoveFromVersionId, input.MoveToVersionId),
        );
        return named(secret);
      }),
    ),
  };
}

const invalidRequest = (message: string): AwsError => new AwsError('InvalidRequestException', message);
const exists = (message: string): AwsError => new AwsError('ResourceExistsException', message);
const named = ({ arn, name }: SecretRow) => ({ ARN: arn, Name: name });

function lifecycleOperations(store: SecretStore): Record<string, Operation> {
  return {
    CreateSecret: operation(shape.createSecret, (input) =>
      store.tx(async (tx) => {
        if (!NAME.test(input.Name))
          throw invalidParameter(
            'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!',
          );
        oneValue(input, false);
        const secret =
          (await store.insert(tx, input.Name, input.Description, input.Tags)) ?? (await existing(store, tx, input));
        if (input.SecretString === undefined && input.SecretBinary === undefined) return named(secret);
        const { VersionId } = await putVersion(store, tx, secret, input.ClientRequestToken, input, [CURRENT]);
        return { ...named(secret), VersionId };
      }),
    ),
    DescribeSecret: operation(shape.aboutSecret, async (input) =>
      store.tx(async (tx) => {
        const secret = await store.find(tx, input.SecretId, { evenDeleted: true });
        return secretView(secret, await store.versions(tx, secret.name));
      }),
    ),
    DeleteSecret: operation(shape.deleteSecret, (input) => store.tx((tx) => deleteSecret(store, tx, input))),
    RestoreSecret: operation(shape.aboutSecret, (input) =>
      store.change(input.SecretId, { evenDeleted: true }, async (tx, secret) => {
        await store.restore(tx, secret.name);
        return named(secret);
      }),
    ),
    ListSecrets: operation(shape.listSecrets, async (input) => {
      const matches = (s: SecretRow): boolean =>
        input.Filters.every((f) => f.Values.some((v) => matchesFilter(s, f.Key, v)));
      const rows = await store.list({
        after: input.NextToken === undefined ? null : pageStart(input.NextToken),
        limit: input.MaxResults + 1,
        descending: input.SortOrder === 'desc',
        evenDeleted: input.IncludePlannedDeletion,
      });
      const { rows: shown, next } = page(rows, input.MaxResults, (r) => r.name);
      // Filters apply after the page is read. As in AWS, a page can therefore be short although more pages follow.
      return {
        SecretList: shown.filter(matches).map((s) => secretView(s, [])),
        ...(next === undefined ? {} : { NextToken: next }),
      };
    }),
  };
}

function oneValue(input: SecretValue, required: boolean): void {
  const given = [input.SecretString, input.SecretBinary].filter((v) => v !== undefined).length;
  if (given > 1)
    throw invalidParameter(
      "You can't specify both a binary secret value and a string secret value in the same secret.",
    );
  if (given === 0 && required) throw invalidParameter('You must provide either SecretString or SecretBinary.');
}

/**
 * Handles CreateSecret for an existing name. A repetition with the same token gets the existing secret, and another
 * token is refused.
 */
async function existing(
  store: SecretStore,
  tx: Tx,
  input: { Name: string; ClientRequestToken: string } & SecretValue,
): Promise<SecretRow> {
  const secret = await store.find(tx, input.Name, { lock: true, evenDeleted: true });
  if (secret.deleted !== null)
    throw invalidRequest(
      "You can't create this secret because a secret with this name is already scheduled for deletion.",
    );
  const mine = (await store.versions(tx, secret.name)).some((v) => v.id === input.ClientRequestToken);
  if (!mine) throw exists(`The operation failed because the secret ${input.Name} already exists.`);
  return secret;
}

/**
 * Stores a version, which the token identifies. A repetition changes nothing. The same token with another value is
 * refused.
 */
async function putVersion(
  store: SecretStore,
  tx: Tx,
  secret: SecretRow,
  token: string,
  value: SecretValue,
  labels: readonly string[],
): Promise<{ ARN: string; Name: string; VersionId: string; VersionStages: readonly string[] }> {
  const versions = await store.versions(tx, secret.name);
  const known = versions.find((v) => v.id === token);
  if (known && !sameValue(known, value)) {
    throw exists(
      `You can't use ClientRequestToken ${token} because that value is already in use for a version of secret ${secret.arn}.`,
    );
  }
  if (known) return { ...named(secret), VersionId: token, VersionStages: known.stages };
  await store.addVersion(tx, secret.name, token, value);
  const first = versions.length === 0 && !labels.includes(CURRENT) ? [CURRENT] : [];
  const stages = [...labels, ...first].reduce((current, label) => attach(current, label, token), stagesOf(versions));
  await store.saveStages(tx, secret.name, stages);
  return { ...named(secret), VersionId: token, VersionStages: stages.get(token) ?? [] };
}

const sameValue = (row: VersionRow, value: SecretValue): boolean =>
  row.secret_string === (value.SecretString ?? null) &&
  (row.secret_binary?.toString('base64') ?? null) === (value.SecretBinary ?? null);

function pickVersion(versions: readonly VersionRow[], id: string | undefined, stage: string | undefined): VersionRow {
  if (id !== undefined) {
    const version = versions.find((v) => v.id === id);
    if (!version) throw noVersion(`VersionId: ${id}`);
    if (stage !== undefined && !version.stages.includes(stage))
      throw invalidRequest('You provided a VersionStage that is not associated to the provided VersionId.');
    return version;
  }
  const wanted = stage ?? CURRENT;
  const version = versions.find((v) => v.stages.includes(wanted));
  if (!version) throw noVersion(`staging label: ${wanted}`);
  return version;
}

const noVersion = (what: string): AwsError =>
  new AwsError('ResourceNotFoundException', `Secrets Manager can't find the specified secret value for ${what}`);

type DeleteInput = {
  SecretId: string;
  RecoveryWindowInDays?: number | undefined;
  ForceDeleteWithoutRecovery?: boolean | undefined;
};

async function deleteSecret(store: SecretStore, tx: Tx, input: DeleteInput): Promise<object> {
  const { RecoveryWindowInDays: days, ForceDeleteWithoutRecovery: force } = input;
  if (force && days !== undefined)
    throw invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.");
  if (days !== undefined && (days < 7 || days > 30))
    throw invalidParameter('The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).');
  if (force) {
    // AWS reports success even for an unknown secret, so that a clean-up can be repeated.
    const gone = await store.purge(tx, input.SecretId);
    return {
      ...(gone ? named(gone) : { Name: input.SecretId }),
      DeletionDate: Date.now() / 1000,
    };
  }
  const secret = await store.find(tx, input.SecretId, { lock: true });
  return { ...named(secret), DeletionDate: await store.schedulePurge(tx, secret.name, days ?? 30) };
}

const matchesFilter = (secret: SecretRow, key: 'name' | 'description' | 'all', value: string): boolean => {
  const prefixed = (text: string | null): boolean =>
    value.startsWith('!') ? !text?.startsWith(value.slice(1)) : (text?.startsWith(value) ?? false);
  return (key !== 'description' && prefixed(secret.name)) || (key !== 'name' && prefixed(secret.description));
};

function secretView(secret: SecretRow, versions: readonly VersionRow[]): object {
  const labelled = versions.filter((v) => v.stages.length > 0);
  return {
    ...named(secret),
    ...(secret.description === null ? {} : { Description: secret.description }),
    Tags: secret.tags,
    CreatedDate: secret.created,
    LastChangedDate: secret.changed,
    ...(secret.deleted === null ? {} : { DeletedDate: secret.deleted }),
    ...(labelled.length === 0 ? {} : { VersionIdsToStages: Object.fromEntries(labelled.map((v) => [v.id, v.stages])) }),
  };
}
