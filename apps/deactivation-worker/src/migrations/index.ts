import { Offboarding1764200000000 } from './0001-offboarding.js';

export const migrations = [Offboarding1764200000000];
