/**
 * The limits of a request. A request that exceeds one of them is refused. The README and ServiceProviderConfig publish
 * them.
 */
export const LIMITS = {
  bodyBytes: 8 * 1024 * 1024,
  /** Levels of nested objects and lists. SCIM itself needs 6. */
  bodyDepth: 32,
  groupMembers: 100_000,
  /** Groups of one user. Every event about the user lists all of them (40 bytes each), and an event may have 1 MB. */
  groupsPerUser: 10_000,
  patchOperations: 1_000,
  patchValues: 100_000,
  filterCharacters: 1_000,
  filterTerms: 20,
  pageSizeDefault: 100,
  pageSizeMax: 1_000,
  /** Elements of one multi-valued attribute of a user. */
  valuesPerAttribute: 200,
  /** Characters of one text. Identifiers (`userName`, `externalId`, a group's `displayName`) have a lower limit. */
  text: 8_192,
  identifier: 512,
} as const;
