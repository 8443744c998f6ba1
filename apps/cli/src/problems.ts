/** Turns errors of the internal APIs into a sentence with the next step, and an exit code. */
import { ApiProblem, ServiceUnreachable } from '#contracts/clients';
import { EXIT, Refusal, type Typed } from '#command-line';

export function explain(error: unknown, { typed }: { readonly typed: Typed }): Refusal | undefined {
  if (error instanceof ServiceUnreachable)
    return new Refusal(
      `${error.message} Is it running? Start the local stack with "npm start"; for any other installation, see the log of ${error.service}.`,
      EXIT.unavailable,
    );
  if (!(error instanceof ApiProblem)) return undefined;
  const next = NEXT_STEPS[error.code ?? '']?.(error, typed);
  const text = next === undefined ? error.message : `${error.message} ${next}`;
  return new Refusal(text, error.status >= 500 ? EXIT.unavailable : EXIT.refused);
}

/** The next step for each error code. The errors of the services name no commands. */
const NEXT_STEPS: Readonly<Record<string, (error: ApiProblem, typed: Typed) => string>> = {
  unauthenticated: ({ service }) =>
    `${service} did not accept the credential. Check --credential-file or INTERNAL_API_CREDENTIAL, and INTERNAL_API_CALLERS of ${service}.`,
  scope_missing: ({ service, parameters: { scope } }) =>
    `INTERNAL_API_CALLERS of ${service} does not give this credential the scope ${String(scope)}.`,
  tenant_unknown: (_, typed) => `"${typed('tenants list')}" shows all tenants.`,
  tenant_exists: ({ parameters: { tenant, slug } }, typed) =>
    `To issue a new SCIM token: ${typed(`tenants rotate-token ${String(tenant ?? slug ?? '<slug>')}`)}`,
  scim_enabled: ({ parameters: { tenant } }, typed) =>
    `Switch it off: ${typed(`tenants configure ${String(tenant)} --scim off`)}`,
  issuer_missing: () => 'Name the issuer, e.g. --issuer https://your-org.okta.com',
  okta_not_connected: (_, typed) => `Connect the tenant to Okta: ${typed('tenants connect-okta')}`,
  comparison_running: () => 'Wait until that comparison ends; --no-wait shows the progress.',
};
