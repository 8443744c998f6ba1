import { createBus } from '#event-bus';
import { ProblemFilter, type ServiceDefinition } from '#platform';
import { TenantSettingsEntity } from '#settings';
import { AccessEntity, OffboardingCaseEntity } from './access/access.entity.js';
import { AccountEntity } from './accounts/account.entity.js';
import { ReevaluationEntity } from './accounts/reevaluation.entity.js';
import { RoleGrantEntity } from './accounts/role-grant.entity.js';
import { HeldRoleLossEntity } from './brake/held-role-loss.entity.js';
import { PoolComparisonEntity } from './cognito/pool-comparison.entity.js';
import { config } from './config.js';
import {
  DirectoryGroupEntity,
  DirectoryUserEntity,
  KnownRoleEntity,
  MembershipEntity,
  MembershipLoadEntity,
  RoleMappingEntity,
} from './directory/directory.entity.js';
import { IdentityServiceModule, SERVICE } from './identity-service.module.js';
import { GroupPinEntity } from './pins/group-pin.entity.js';
import { Identity1764000000000 } from './migrations/0001-identity.js';

const entities = [
  AccountEntity,
  RoleGrantEntity,
  ReevaluationEntity,
  HeldRoleLossEntity,
  PoolComparisonEntity,
  AccessEntity,
  OffboardingCaseEntity,
  DirectoryUserEntity,
  DirectoryGroupEntity,
  MembershipEntity,
  MembershipLoadEntity,
  RoleMappingEntity,
  KnownRoleEntity,
  GroupPinEntity,
  TenantSettingsEntity,
];

export const service: ServiceDefinition<typeof config> = {
  name: SERVICE,
  summary: 'Turns directory events into accounts and roles, and keeps Cognito equal to them.',
  config,
  database: { schema: 'identity', migrations: [Identity1764000000000], entities },
  module: () => IdentityServiceModule,
  configure: (app, { logger }) => void app.useGlobalFilters(new ProblemFilter(logger)),
  strategies: (platform) => [createBus(platform.config, platform).strategy(SERVICE, { pureHandlers: true })],
};
