/**
 * The brake holds what goes beyond its limit, also when it is this demonstration, repeated often within its window, that
 * takes access away. What is held of a person of the demonstration is released, as an administrator would do it.
 */
import { ApiProblem, IdentityClient, InternalClient, OffboardingClient, ServiceUnreachable } from '#contracts/clients';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DemoProblem } from './stack.js';

const BY = 'npm run demo';

export class Brake {
  private readonly worker: OffboardingClient;
  private readonly identity: IdentityClient;

  constructor(
    folder: string,
    private readonly tenantId: string,
    private readonly print: (line: string) => void,
  ) {
    const read = (file: string): unknown => JSON.parse(readFileSync(path.join(folder, file), 'utf8'));
    const { services } = read('stack.json') as { services: Record<string, { url: string }> };
    const { internalToken: token } = read('secrets.json') as { internalToken: string };
    const client = (service: string) => new InternalClient({ service, url: services[service]?.url ?? '', token });
    this.worker = new OffboardingClient(client('deactivation-worker'));
    this.identity = new IdentityClient(client('identity-service'));
  }

  /** Releases what is held of one person; nothing if nothing is. */
  async letThrough(account: string): Promise<void> {
    try {
      const { held } = await this.worker.held(this.tenantId);
      const cases = held.filter((c) => c.account === account).map((c) => c.id);
      if (cases.length > 0) {
        this.print('  held by the brake; released, as "npm run stackflow -- offboarding release" does it');
        await this.worker.release(this.tenantId, { cases, by: BY });
      }
      const losses = await this.identity.heldRoleLosses(this.tenantId);
      if (!losses.some((loss) => loss.account === account)) return;
      this.print(
        '  the loss of a role is held by the brake; released, as "npm run stackflow -- offboarding release" does it',
      );
      await this.identity.releaseRoleLosses(this.tenantId, { accounts: [account], by: BY });
    } catch (error) {
      if (error instanceof ApiProblem || error instanceof ServiceUnreachable) throw new DemoProblem(error.message);
      throw error;
    }
  }
}
