/** The guard as a module of Nest, on Fastify or Express. */
export {
  AccessGuardModule,
  Caller,
  guardOptions,
  guardSettings,
  Public,
  Roles,
  type AccessGuardModuleOptions,
  type CallerAccess,
  type GuardHealth,
  type GuardPlatform,
} from '#access-guard';
