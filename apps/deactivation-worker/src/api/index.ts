/** The internal API of deactivation-worker. */
import type { Provider, Type } from '@nestjs/common';

export const API_CONTROLLERS: readonly Type[] = [];
export const API_PROVIDERS: readonly Provider[] = [];
