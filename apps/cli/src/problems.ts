/** Errors of the internal APIs -> a sentence with the next step, and an exit code. */
import { ApiProblem, ServiceUnreachable } from '#contracts/clients';
import { EXIT, Refusal } from '#command-line';

type Typed = (command: string) => string;

export function explain(error: unknown, { typed }: { readonly typed: Typed }): Refusal | undefined {
  if (error instanceof ServiceUnreachable)
    return new Refusal(
      `${error.message} Is it running? The local stack is started with "npm start"; elsewhere see the log of ${error.service}.`,
      EXIT.unavailable,
    );
  if (!(error instanceof ApiProblem)) return undefined;
  const next = nextStep(error, typed);
  const text = next === undefined ? error.message : `${error.message} ${next}`;
  return new Refusal(text, error.status >= 500 ? EXIT.unavailable : EXIT.refused);
}

/** The services name no command of ours; this table does. */
function nextStep({ code, parameters, service }: ApiProblem, typed: Typed): string | undefined {
  switch (code) {
    case 'unauthenticated':
      return `${service} did not accept the token of the internal APIs: check --token-file or INTERNAL_API_TOKEN.`;
    case 'tenant_unknown':
      return `"${typed('tenants list')}" shows all tenants.`;
    case 'tenant_exists':
      return `For a new SCIM token: ${typed(`tenants rotate-token ${String(parameters.tenant ?? parameters.slug ?? '<slug>')}`)}`;
    case 'issuer_missing':
      return 'Name it, e.g. --issuer https://your-org.okta.com';
    case 'okta_not_connected':
      return `Connect it: ${typed('tenants connect-okta')}`;
    case 'comparison_running':
      return 'Wait for its end, or watch it with --no-wait.';
    default:
      return undefined;
  }
}
