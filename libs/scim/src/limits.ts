/** A request that exceeds a limit is refused. The README and ServiceProviderConfig publish these limits. */
export const LIMITS = {
  bodyBytes: 8 * 1024 * 1024,
  /** Levels of nested objects and lists. SCIM itself needs 6. */
  bodyDepth: 32,
  groupMembers: 100_000,
  /** Every event about a user lists all their groups (40 bytes each), and an event may have 1 MB. */
  groupsPerUser: 10_000,
  patchOperations: 1_000,
  patchValues: 100_000,
  filterCharacters: 1_000,
  filterTerms: 20,
  pageSizeDefault: 100,
  pageSizeMax: 1_000,
  valuesPerAttribute: 200,
  /** Characters of a text. `userName`, `externalId` and a group's `displayName` have the lower limit `identifier`. */
  text: 8_192,
  identifier: 512,
} as const;
