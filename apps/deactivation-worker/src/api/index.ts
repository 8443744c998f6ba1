/** The internal API of deactivation-worker. */
import type { Provider, Type } from '@nestjs/common';
import { CaseQueries } from './case-queries.js';
import { CasesController } from './cases.controller.js';
import { PercentilesController } from './percentiles.js';
import { Refusals } from './refusals.js';
import { SignOutController } from './sign-out.controller.js';

export const API_CONTROLLERS: readonly Type[] = [CasesController, PercentilesController, SignOutController];
export const API_PROVIDERS: readonly Provider[] = [CaseQueries, Refusals];
