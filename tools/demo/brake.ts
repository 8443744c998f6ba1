/** Releases what the brake holds for people of the demonstration. Frequent runs can reach the limit of the brake. */
import { IdentityClient, OffboardingClient } from '#contracts/clients';
import { clientOf, type Stack } from './stack.js';

const BY = 'npm run demo';

export class Brake {
  private readonly tenant: string;
  private readonly offboarding: OffboardingClient;
  private readonly identity: IdentityClient;

  constructor(
    stack: Stack,
    folder: string,
    private readonly print: (line: string) => void,
  ) {
    this.tenant = stack.tenants[0].id;
    this.offboarding = new OffboardingClient(clientOf(stack, folder, 'deactivation-worker'));
    this.identity = new IdentityClient(clientOf(stack, folder, 'identity-service'));
  }

  /** Releases the held changes of one person; does nothing if there are none. */
  async release(account: string): Promise<void> {
    const { held } = await this.offboarding.held(this.tenant);
    const cases = held.filter((c) => c.account === account).map((c) => c.id);
    if (cases.length > 0) {
      this.print('    The brake holds the offboarding. The demonstration releases it, as an administrator would.');
      await this.offboarding.release(this.tenant, { cases, by: BY });
    }
    const losses = await this.identity.heldRoleLosses(this.tenant);
    if (!losses.some((loss) => loss.account === account)) return;
    this.print('    The brake holds the loss of a role. The demonstration releases it, as an administrator would.');
    await this.identity.releaseRoleLosses(this.tenant, { accounts: [account], by: BY });
  }
}
