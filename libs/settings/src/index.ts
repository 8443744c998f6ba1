/** A tenant's Okta settings: defaults, rules and changes, and each service's copy with its cache. */
export * from './cache.js';
export * from './change.js';
export * from './copy.sql.js';
export * from './defaults.js';
export * from './settings-copy.consumer.js';
export * from './tenant-host.js';
export * from './tenant-settings.entity.js';
export * from './tenants.controller.js';
export * from './validation.js';
