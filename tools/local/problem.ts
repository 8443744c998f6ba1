/** A problem that the person who started the program can fix. The message says how. */
export class LocalProblem extends Error {}

/** Returns a `catch` handler that turns a service's refusal into a {@link LocalProblem} with the failed step. */
export const stepFailed =
  (step: string) =>
  (error: unknown): never => {
    throw new LocalProblem(`${step} failed: ${error instanceof Error ? error.message : String(error)}`);
  };
