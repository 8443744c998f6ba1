/** The event log schema shared by all services; filled in with the bus. */
export const eventLogSql = (_roles: readonly string[]): string[] => [];
