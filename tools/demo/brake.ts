/**
 * The brake holds offboardings and losses of roles beyond its limit, and a demonstration that runs often can reach that
 * limit. Held changes of the demonstration's own people are then released, as an administrator would release them.
 */
import { CliError, InternalClient } from '#platform';
import { z } from 'zod';
import { DemoProblem } from './stack.js';

const heldCases = z.object({ held: z.array(z.object({ id: z.uuid(), account: z.uuid() })) });
const heldRoles = z.object({ held: z.array(z.object({ account: z.uuid() })) });
const BY = 'npm run demo';

export class Brake {
  private readonly worker: InternalClient;
  private readonly identity: InternalClient;

  constructor(
    folder: string,
    private readonly tenantId: string,
    private readonly print: (line: string) => void,
  ) {
    this.worker = InternalClient.find('deactivation-worker', {}, { STACK_DIR: folder });
    this.identity = InternalClient.find('identity-service', {}, { STACK_DIR: folder });
  }

  /** Releases the held changes of one person; does nothing if there are none. */
  async letThrough(account: string): Promise<void> {
    const base = `/internal/tenants/${this.tenantId}`;
    try {
      const { held } = heldCases.parse(await this.worker.call('GET', `${base}/held`));
      const cases = held.filter((c) => c.account === account).map((c) => c.id);
      if (cases.length > 0) {
        this.print('  held by the brake; released, as "npm run offboarding -- release" does it');
        await this.worker.call('POST', `${base}/held/release`, { cases, by: BY });
      }
      const roles = heldRoles.parse(await this.identity.call('GET', `${base}/held-role-losses`));
      if (!roles.held.some((r) => r.account === account)) return;
      this.print('  the loss of a role is held by the brake; released, as "npm run offboarding -- release" does it');
      await this.identity.call('POST', `${base}/held-role-losses/release`, { accounts: [account], by: BY });
    } catch (error) {
      if (error instanceof CliError) throw new DemoProblem(error.message);
      throw error;
    }
  }
}
