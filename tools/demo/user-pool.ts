/** Reads a user in Cognito with AWS's own SDK, and waits until the user has the expected state. */
import {
  AdminGetUserCommand,
  AdminListGroupsForUserCommand,
  CognitoIdentityProviderClient,
  UserNotFoundException,
} from '@aws-sdk/client-cognito-identity-provider';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from './stack.js';

export interface PoolUser {
  readonly enabled: boolean;
  readonly status: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly groups: readonly string[];
}

/** A person, and the expected state of their Cognito user. */
export interface Expectation {
  readonly enabled: boolean;
  readonly groups: readonly string[];
  /** Expected attributes. Null means that the attribute must not exist. */
  readonly attributes: Readonly<Record<string, string | null>>;
}

const LIMIT_MS = 30_000;
/** Each poll reads twice. Cognito allows ten reads per second for one user, and the product needs some of them. */
const POLL_MS = 500;

export class UserPoolReader {
  private readonly client: CognitoIdentityProviderClient;

  constructor(private readonly stack: Pick<Stack, 'cognito' | 'sandbox'>) {
    this.client = new CognitoIdentityProviderClient({
      region: stack.cognito.region,
      endpoint: stack.sandbox.cognito,
      credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' },
    });
  }

  async read(username: string): Promise<PoolUser | undefined> {
    const about = { UserPoolId: this.stack.cognito.userPoolId, Username: username };
    try {
      const user = await this.client.send(new AdminGetUserCommand(about));
      const { Groups = [] } = await this.client.send(new AdminListGroupsForUserCommand(about));
      return {
        enabled: user.Enabled ?? false,
        status: user.UserStatus ?? '',
        attributes: Object.fromEntries((user.UserAttributes ?? []).map((a) => [a.Name ?? '', a.Value ?? ''])),
        groups: Groups.flatMap((g) => g.GroupName ?? []).sort(),
      };
    } catch (error) {
      if (error instanceof UserNotFoundException) return undefined;
      throw error;
    }
  }

  /** Waits for two matching polls in a row. Returns an empty list, or what is still wrong after the time limit. */
  async reach(
    username: string,
    expected: Expectation,
    meanwhile: () => Promise<void> = () => Promise.resolve(),
    limitMs = LIMIT_MS,
  ): Promise<string[]> {
    const deadline = Date.now() + limitMs;
    for (let agreed = 0; ;) {
      const wrong = differences(await this.read(username), expected);
      agreed = wrong.length === 0 ? agreed + 1 : 0;
      if (agreed === 2) return [];
      if (Date.now() > deadline) return wrong.length > 0 ? wrong : ['the user in Cognito keeps changing'];
      await meanwhile();
      await sleep(POLL_MS);
    }
  }

  close(): void {
    this.client.destroy();
  }
}

export function differences(user: PoolUser | undefined, expected: Expectation): string[] {
  if (!user) return ['the user does not exist in Cognito'];
  const wrong: string[] = [];
  const expect = (what: string, is: unknown, should: unknown): void => {
    if (JSON.stringify(is) !== JSON.stringify(should))
      wrong.push(`${what} is ${JSON.stringify(is)}, expected ${JSON.stringify(should)}`);
  };
  expect('enabled', user.enabled, expected.enabled);
  expect('status', user.status, 'CONFIRMED');
  expect('groups', user.groups, [...expected.groups].sort());
  for (const [name, value] of Object.entries(expected.attributes)) expect(name, user.attributes[name] ?? null, value);
  return wrong;
}
