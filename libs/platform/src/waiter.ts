/** Waits for a time or until `wake` is called. A call to `wake` between two waits ends the next wait at once. */
export class Waiter {
  private woken = false;
  private resume: (() => void) | undefined;

  wake(): void {
    this.woken = true;
    this.resume?.();
  }

  async wait(ms: number): Promise<void> {
    if (!this.woken)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    this.resume = undefined;
    this.woken = false;
  }
}
