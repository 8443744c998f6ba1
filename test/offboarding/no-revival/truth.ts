/** The oracle of the property: everything that was published about a person, kept apart from the product's own tables. */
import type { OktaState } from '#contracts';
import type { DirectoryChange } from './tables.js';

/** As far as it was delivered to the worker; `tick` = when it was said. */
export class Truth {
  private news: DirectoryChange = { version: 0, active: false, deleted: false, time: 0 };
  private okta: { state: OktaState | null; at: number } = { state: null, at: Number.NEGATIVE_INFINITY };

  /** When the person last became entitled to access again. */
  inAgainAt = 0;

  get known(): boolean {
    return this.news.version > 0;
  }

  /** Nothing ends the person's access. */
  get isIn(): boolean {
    return this.news.active && !this.news.deleted && this.okta.state === null;
  }

  /** Must not have access, unless the brake holds the case. */
  isOut(deactivateOnOffboard: boolean): boolean {
    const { active, deleted } = this.news;
    return this.known && (deleted || this.okta.state !== null || (!active && deactivateOnOffboard));
  }

  directory(news: DirectoryChange, tick: number): void {
    if (news.version <= this.news.version) return;
    const { state, at } = this.okta;
    const reactivated = this.known && !this.news.active && news.active;
    const clears = reactivated && state !== 'suspended' && at < news.time;
    this.change(tick, news, clears ? { state: null, at } : this.okta);
  }

  signal(state: OktaState | null, at: number, tick: number): void {
    if (this.known && !this.news.deleted && at > this.okta.at) this.change(tick, this.news, { state, at });
  }

  private change(tick: number, news: DirectoryChange, okta: Truth['okta']): void {
    const wasIn = this.isIn;
    this.news = news;
    this.okta = okta;
    if (this.isIn && !wasIn) this.inAgainAt = tick;
  }
}
