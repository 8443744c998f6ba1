/** What the worker's module registers of its internal API. */
import { CaseQueries } from './case-queries.js';
import { CasesController } from './cases.controller.js';
import { PercentilesController } from './percentiles.js';
import { Refusals } from './refusals.js';

export const API_CONTROLLERS = [CasesController, PercentilesController];
export const API_PROVIDERS = [CaseQueries, Refusals];
