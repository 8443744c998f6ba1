import { Auth1764300000000 } from './0001-auth.js';

export const migrations = [Auth1764300000000];
