import { Auth1764300000000 } from './0001-auth.js';
import { Obo1764300100000 } from './0002-obo.js';
import { UniversalLogout1764300200000 } from './0003-universal-logout.js';
import { AuditRetention1764300300000 } from './0004-audit-retention.js';
import { ClientSecrets1764300400000 } from './0005-client-secrets.js';

export const migrations = [
  Auth1764300000000,
  Obo1764300100000,
  UniversalLogout1764300200000,
  AuditRetention1764300300000,
  ClientSecrets1764300400000,
];
