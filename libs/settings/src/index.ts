/** A tenant's Okta settings as every service sees them: defaults, rules, the local copy and its cache. */
export * from './cache.js';
export * from './change.js';
export * from './copy.sql.js';
export * from './defaults.js';
export * from './tenant-host.js';
export * from './tenant-settings.entity.js';
export * from './tenants.controller.js';
export * from './validation.js';
export type { TenantView } from '#contracts';
