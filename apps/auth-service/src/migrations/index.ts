import { Auth1764300000000 } from './0001-auth.js';
import { Obo1764300100000 } from './0002-obo.js';
import { ClientSecrets1764300200000 } from './0003-client-secrets.js';

export const migrations = [Auth1764300000000, Obo1764300100000, ClientSecrets1764300200000];
