/** Turns errors of the internal APIs into a sentence with the next step, and an exit code. */
import { ApiProblem, ServiceUnreachable } from '#contracts/clients';
import { EXIT, Refusal } from '#command-line';

type Typed = (command: string) => string;

export function explain(error: unknown, { typed }: { readonly typed: Typed }): Refusal | undefined {
  if (error instanceof ServiceUnreachable)
    return new Refusal(
      `${error.message} Is it running? Start the local stack with "npm start"; for any other installation, see the log of ${error.service}.`,
      EXIT.unavailable,
    );
  if (!(error instanceof ApiProblem)) return undefined;
  const next = nextStep(error, typed);
  const text = next === undefined ? error.message : `${error.message} ${next}`;
  return new Refusal(text, error.status >= 500 ? EXIT.unavailable : EXIT.refused);
}

/** Returns the command that helps. The services do not name commands in their errors. */
function nextStep({ code, parameters, service }: ApiProblem, typed: Typed): string | undefined {
  switch (code) {
    case 'unauthenticated':
      return `${service} did not accept the token of the internal APIs. Check --token-file or INTERNAL_API_TOKEN.`;
    case 'tenant_unknown':
      return `"${typed('tenants list')}" shows all tenants.`;
    case 'tenant_exists':
      return `To issue a new SCIM token: ${typed(`tenants rotate-token ${String(parameters.tenant ?? parameters.slug ?? '<slug>')}`)}`;
    case 'issuer_missing':
      return 'Name the issuer, e.g. --issuer https://your-org.okta.com';
    case 'okta_not_connected':
      return `Connect it: ${typed('tenants connect-okta')}`;
    case 'comparison_running':
      return 'Wait until it ends; --no-wait shows its progress.';
    default:
      return undefined;
  }
}
