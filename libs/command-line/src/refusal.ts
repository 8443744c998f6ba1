import { EXIT, type ExitCode } from './exit-codes.js';

/** An error that the person who runs the command can correct. It is printed without a stack trace. */
export class Refusal extends Error {
  constructor(
    message: string,
    readonly exitCode: ExitCode = EXIT.refused,
  ) {
    super(message);
    this.name = 'Refusal';
  }
}

export const usage = (message: string): Refusal => new Refusal(message, EXIT.usage);
