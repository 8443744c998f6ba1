/** A request that exceeds a limit is refused. The README and ServiceProviderConfig publish these limits. */
export const LIMITS = {
  /** Bodies of users, and of every address that is not about groups. */
  userBody: { bytes: 1024 * 1024, containers: 20_000, values: 100_000 },
  /**
   * Bodies of groups. Okta sends 62 bytes and the login for each member, and its logins have at most 100 characters, so
   * 100,000 members have at most 15.5 MiB. Twice as many short members are still counted, so that the answer names their limit.
   */
  groupBody: { bytes: 16 * 1024 * 1024, containers: 210_000, values: 700_000 },
  /** Levels of nested objects and lists. SCIM itself needs 6. */
  bodyDepth: 32,
  /** Attributes of one object. A user of SCIM has about 30. */
  bodyAttributes: 1_000,
  /** The longest text of a body, also in an attribute that is not stored, e.g. a picture. */
  bodyTokenBytes: 1024 * 1024,
  groupMembers: 100_000,
  /** Every event about a user lists all their groups (40 bytes each), and an event may have 1 MB. */
  groupsPerUser: 10_000,
  patchOperations: 1_000,
  patchValues: 100_000,
  /** Comparisons of one PATCH with values of a user: the terms of each filter, multiplied by the values in the list. */
  patchComparisons: 10_000,
  /** Characters of a stored user, because many small PATCHes could make a user of any size. */
  userCharacters: 1024 * 1024,
  filterCharacters: 1_000,
  filterTerms: 20,
  /** Texts that the operators co, sw and ew of one filter may search: terms multiplied by resources. */
  filterSearches: 100_000,
  filterMs: 2_000,
  pageSizeDefault: 100,
  pageSizeMax: 1_000,
  /** Members, or groups of users, that one page of a list may hold. A page with one resource may hold more. */
  pageMembers: 100_000,
  valuesPerAttribute: 200,
  /** Characters of a text. `userName`, `externalId` and a group's `displayName` have the lower limit `identifier`. */
  text: 8_192,
  identifier: 512,
} as const;
