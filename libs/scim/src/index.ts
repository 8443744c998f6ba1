/**
 * The SCIM 2.0 protocol (RFC 7643, RFC 7644) as pure functions, without database, framework or other libraries of ours.
 */
export * from './answer.js';
export * from './difference.js';
export * from './discovery.js';
export * from './errors.js';
export * from './filter.js';
export * from './limits.js';
export * from './matches.js';
export { parseAttributePath, printPath, resolvePath, type AttributePath, type Target } from './path.js';
export * from './patch.js';
export * from './patch-group.js';
export * from './patch-user.js';
export { parseGroup, parseUser, type GroupResource, type MultiValue, type UserResource } from './resource.js';
export * from './schema.js';
export * from './turns.js';
