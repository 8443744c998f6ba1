/** What was really said about a person, told apart from what the product stored of it: the oracle of the property. */
import type { OktaState } from '#contracts';
import type { DirectoryChange } from './tables.js';

/** As the worker was told so far; `tick` = when it was said. */
export class Truth {
  private news: DirectoryChange = { version: 0, active: false, deleted: false, reactivated: false, time: 0 };
  private okta: { state: OktaState | null; at: number } = { state: null, at: Number.NEGATIVE_INFINITY };

  /** When it was said that he is in again. */
  inAgainAt = 0;

  get known(): boolean {
    return this.news.version > 0;
  }

  /** Has access for as long as nobody says otherwise. */
  get isIn(): boolean {
    return this.news.active && !this.news.deleted && this.okta.state === null;
  }

  /** Must not have access, unless the brake holds his closing. */
  isOut(deactivateOnOffboard: boolean): boolean {
    const { active, deleted } = this.news;
    return this.known && (deleted || this.okta.state !== null || (!active && deactivateOnOffboard));
  }

  directory(news: DirectoryChange, tick: number): void {
    if (news.version <= this.news.version) return;
    const { state, at } = this.okta;
    const clears = news.reactivated && state !== 'suspended' && at < news.time;
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
