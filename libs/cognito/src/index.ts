/** Shared quota buckets; filled in with the Cognito client. */
export const quotaSql = (_roles: readonly string[]): string[] => [];
