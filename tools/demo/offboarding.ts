/** Test 4 of the product page, and a suspension, which Okta does not push over SCIM. Both end with access restored. */
import type { OktaWork } from './okta.js';
import { inOrder, outcome, verdict, type Person, type Tools, type Verdict } from './step.js';
import type { Expectation } from './user-pool.js';

const CLOSED: Expectation = { enabled: false, groups: [], attributes: { 'custom:role': null } };

interface Ways {
  readonly out: { readonly verb: string; readonly says: string };
  readonly back: { readonly verb: string; readonly says: string };
}

/** (4) Unassign the user: the StackFlow account is deactivated. Assigning the user again restores it with its role. */
export function unassignUser(tools: Tools, person: Person, role: string): Promise<Verdict> {
  return outAndBack(tools, person, role, '4. Unassign the user: the StackFlow account is deactivated', {
    out: { verb: 'unassign', says: 'is unassigned from the app' },
    back: { verb: 'assign', says: 'is assigned again: enabled, with the role from before' },
  });
}

export function suspendUser(tools: Tools, person: Person, role: string): Promise<Verdict> {
  return outAndBack(tools, person, role, 'Suspend the user in Okta: access ends too, though SCIM says nothing of it', {
    out: { verb: 'suspend', says: 'is suspended; the event hook tells, and Okta is asked whether it is true' },
    back: { verb: 'unsuspend', says: 'is unsuspended: enabled, with the role from before' },
  });
}

function outAndBack(tools: Tools, person: Person, role: string, test: string, ways: Ways): Promise<Verdict> {
  return verdict(tools, test, async () => {
    const { scimId } = await tools.okta.idsOf(person.login);
    const restored: Expectation = { enabled: true, groups: [role], attributes: { 'custom:role': role } };
    const go = async ({ verb, says }: Ways['out'], expected: Expectation): Promise<string[]> => {
      tools.print(`  ${person.login} ${says}`);
      const work: OktaWork = await tools.okta.work(verb, { login: person.login });
      return outcome(tools, work, scimId, expected);
    };
    return inOrder(
      () => go(ways.out, CLOSED),
      () => go(ways.back, restored),
    );
  });
}
