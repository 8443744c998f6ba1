/** A problem that the person who started us can fix; the message says how. */
export class LocalProblem extends Error {}

/** For `catch`: turns a refusal of a service into a {@link LocalProblem} that says which step failed. */
export const stepFailed =
  (step: string) =>
  (error: unknown): never => {
    throw new LocalProblem(`${step} failed: ${error instanceof Error ? error.message : String(error)}`);
  };
