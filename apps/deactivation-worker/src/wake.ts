/** Hints to the background loops of this process; the loops poll too, so a lost hint costs milliseconds. */
type Hint = 'admit' | 'run';

export class Wake {
  private readonly listeners: Record<Hint, (() => void)[]> = { admit: [], run: [] };

  on(hint: Hint, listener: () => void): void {
    this.listeners[hint].push(listener);
  }

  /** A case is new. */
  admit(): void {
    for (const listener of this.listeners.admit) listener();
  }

  /** Somebody's door has to be closed or opened. */
  run(): void {
    for (const listener of this.listeners.run) listener();
  }
}
