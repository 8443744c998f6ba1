/**
 * The people of an Okta org whose administrators change something all the time. Keeps who is assigned and who is
 * suspended; everybody else must have access.
 */
import type { TestStack } from '../support/stack.js';

export interface Member {
  readonly login: string;
  /** Id of the account; known once Okta's first push was answered. */
  id: string;
  assigned: boolean;
  suspended: boolean;
  /** True while Okta processes a change of this person. Okta makes one change to a person at a time. */
  busy: boolean;
}

export const isOut = ({ assigned, suspended }: Member): boolean => !assigned || suspended;

export class Crowd {
  readonly members: Member[] = [];
  pushes = 0;

  constructor(
    private readonly stack: TestStack,
    private readonly random: () => number,
  ) {}

  /** `atOnce`: the number of concurrent pushes. */
  async hire(count: number, atOnce = 6): Promise<void> {
    const waiting = Array.from({ length: count }, (_, n) => `p${n}@example.com`);
    const hireAll = async (): Promise<void> => {
      for (let login = waiting.pop(); login !== undefined; login = waiting.pop()) {
        await this.stack.okta('assign', { login });
        this.members.push({ login, id: '', assigned: true, suspended: false, busy: false });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, hireAll));
    const rows = await this.stack.query<{ id: string; login: string }>(
      'select id, user_name as login from directory.users',
    );
    const ids = new Map(rows.map(({ id, login }) => [login, id]));
    for (const member of this.members) member.id = ids.get(member.login) ?? '';
  }

  /** One change by an administrator of Okta. Returns the person. */
  async change(): Promise<Member | undefined> {
    const idle = this.members.filter((member) => !member.busy);
    const member = idle[Math.floor(this.random() * idle.length)];
    if (!member) return undefined;
    member.busy = true;
    try {
      await this.verb(member);
      this.pushes++;
    } finally {
      member.busy = false;
    }
    return member;
  }

  private async verb(member: Member): Promise<void> {
    const { login, suspended, assigned } = member;
    const dice = this.random();
    if (dice < 0.15) await this.stack.okta('update', { login, profile: { firstName: `Name ${this.pushes}` } });
    else if (dice < 0.45 || (suspended && !assigned)) {
      await this.stack.okta(suspended ? 'unsuspend' : 'suspend', { login });
      member.suspended = !suspended;
    } else if (assigned) {
      await this.stack.okta('unassign', { login });
      member.assigned = false;
    } else {
      await this.stack.okta('assign', { login });
      member.assigned = true;
    }
  }
}
