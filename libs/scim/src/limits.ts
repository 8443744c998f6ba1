/** Sizes beyond which a request is refused; published in the README and in ServiceProviderConfig. */
export const LIMITS = {
  bodyBytes: 8 * 1024 * 1024,
  /** Objects and lists inside each other; SCIM itself needs 6. */
  bodyDepth: 32,
  groupMembers: 100_000,
  /** Groups of one user: every event about the user lists them all, and an event may have 1 MB (40 bytes per group). */
  groupsPerUser: 10_000,
  patchOperations: 1_000,
  patchValues: 100_000,
  filterCharacters: 1_000,
  filterTerms: 20,
  pageSizeDefault: 100,
  pageSizeMax: 1_000,
  /** Elements of one multi-valued attribute of a user. */
  valuesPerAttribute: 200,
  /** Characters of any one text; identifiers (`userName`, `externalId`, a group's `displayName`) have less. */
  text: 8_192,
  identifier: 512,
} as const;
