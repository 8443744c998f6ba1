/** Hints from handlers to the background loops of this process; the loops poll too, so a lost hint costs milliseconds. */
type Hint = 'reevaluate' | 'reconcile';

export class Wake {
  private readonly listeners: Record<Hint, (() => void)[]> = { reevaluate: [], reconcile: [] };

  on(hint: Hint, listener: () => void): void {
    this.listeners[hint].push(listener);
  }

  reevaluate(): void {
    for (const listener of this.listeners.reevaluate) listener();
  }

  reconcile(): void {
    for (const listener of this.listeners.reconcile) listener();
  }
}
