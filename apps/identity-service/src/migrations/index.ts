import { Accounts1764000000000 } from './0001-accounts.js';

export const migrations = [Accounts1764000000000];
