/** The guard as middleware of Express. */
export { requireAccess, type GuardedRequest } from '../../../libs/access-guard/src/express.js';
