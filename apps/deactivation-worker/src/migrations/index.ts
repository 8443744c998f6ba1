import { Offboarding1764200000000 } from './0001-offboarding.js';
import { OktaSignals1764200100000 } from './0002-okta-signals.js';
import { Urgent1764300000000 } from './0003-urgent.js';
import { CheckOwner1764300100000 } from './0004-check-owner.js';

export const migrations = [
  Offboarding1764200000000,
  OktaSignals1764200100000,
  Urgent1764300000000,
  CheckOwner1764300100000,
];
