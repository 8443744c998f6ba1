import { Offboarding1764200000000 } from './0001-offboarding.js';
import { OktaSignals1764200100000 } from './0002-okta-signals.js';
import { CheckOwner1764200200000 } from './0003-check-owner.js';

export const migrations = [Offboarding1764200000000, OktaSignals1764200100000, CheckOwner1764200200000];
