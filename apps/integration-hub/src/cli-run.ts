/** What a command of `npm run tenant` is: chosen while the words are parsed, run when all of them are known to be good. */
import { loggedInUser } from '#platform';
import type { Command } from 'commander';
import type { HubConfig } from './config.js';
import type { TenantResult, TenantStore } from './tenants.js';

export interface Given {
  readonly config: HubConfig;
  readonly stdin: AsyncIterable<Buffer | string>;
}
export type Run = (tenants: TenantStore, given: Given) => Promise<{ text: string; result?: TenantResult }>;
export type Add = (name: string, description: string) => Command;
export type Choose = (run: Run) => void;

/** Who stands in the audit. */
export const who = (): string => loggedInUser() ?? 'unknown';
