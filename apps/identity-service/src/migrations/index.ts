import { Accounts1764000000000 } from './0001-accounts.js';
import { ReevaluateOne1764100000000 } from './0002-reevaluate-one.js';
import { Access1764300000000 } from './0003-access.js';
import { RoleBrake1764400000000 } from './0004-role-brake.js';

export const migrations = [
  Accounts1764000000000,
  ReevaluateOne1764100000000,
  Access1764300000000,
  RoleBrake1764400000000,
];
