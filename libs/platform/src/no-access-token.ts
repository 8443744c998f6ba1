/**
 * Metadata key of routes and controllers that need no access token, because they are public or have a guard of their
 * own. The access guard of the application lets their requests pass. The key is a text, so that it also works if guard
 * and platform are installed as two packages.
 */
export const NO_ACCESS_TOKEN = 'stackflow:no-access-token';
