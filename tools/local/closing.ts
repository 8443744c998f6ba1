/** Stops all parts in reverse order of their start. A step that fails is reported and does not stop the other steps. */
export class Closing {
  private readonly steps: (() => Promise<unknown>)[] = [];

  constructor(private readonly report: (failure: string) => void) {}

  add(step: () => Promise<unknown>): void {
    this.steps.push(step);
  }

  async close(): Promise<void> {
    for (let step = this.steps.pop(); step; step = this.steps.pop())
      await step().catch((error: unknown) => this.report(String(error)));
  }
}
