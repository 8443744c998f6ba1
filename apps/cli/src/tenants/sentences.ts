import type { Typed } from '#command-line';
/** Turns the warnings of integration-hub into sentences. */
import type { HubTenant, Json } from '#contracts';

export function warningSentence(
  { code, parameters }: Json<HubTenant>['warnings'][number],
  { slug }: Json<HubTenant>,
  typed: Typed,
): string {
  switch (code) {
    case 'sign_in_needs_host': {
      const owner = parameters.owner ? `signs people in to the tenant "${parameters.owner}"` : 'belongs to no tenant';
      return `"${slug}" has no host name of its own, and ${parameters.origin} ${owner}. Nobody can sign in to "${slug}" until it has a host name: ${typed(`tenants configure ${slug} --host <name>`)}`;
    }
  }
}
