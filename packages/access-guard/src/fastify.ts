/** The guard as a hook of Fastify. */
export { requireAccess } from '../../../libs/access-guard/src/fastify.js';
