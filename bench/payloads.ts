/** The bodies that Okta sends. Every server gets the same bytes, except for the numbers in names. */

export interface Person {
  readonly userName: string;
  readonly id: string;
}

const number = (n: number): string => String(n).padStart(7, '0');
export const userName = (n: number): string => `person.${number(n)}@example.com`;

/** `POST /Users`: a new person with the attributes of Okta's default profile mapping. */
export function creation(n: number): string {
  const name = userName(n);
  return JSON.stringify({
    schemas: [
      'urn:ietf:params:scim:schemas:core:2.0:User',
      'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User',
    ],
    userName: name,
    name: {
      givenName: 'Wilhelmina',
      familyName: `Featherstonehaugh ${number(n)}`,
      middleName: 'Josephine',
      honorificPrefix: 'Dr.',
    },
    emails: [
      { primary: true, value: name, type: 'work' },
      { primary: false, value: `private.${number(n)}@example.org`, type: 'home' },
    ],
    displayName: `Wilhelmina Featherstonehaugh ${number(n)}`,
    nickName: 'Billie',
    profileUrl: `https://people.example.com/profiles/${number(n)}`,
    title: 'Senior Manager, Service Operations',
    userType: 'Employee',
    preferredLanguage: 'en-US',
    locale: 'en-US',
    timezone: 'America/Los_Angeles',
    phoneNumbers: [
      { primary: true, value: '+1 555 0100', type: 'work' },
      { primary: false, value: '+1 555 0101', type: 'mobile' },
    ],
    addresses: [
      {
        primary: true,
        type: 'work',
        streetAddress: '100 Universal City Plaza',
        locality: 'Hollywood',
        region: 'CA',
        postalCode: '91608',
        country: 'US',
      },
    ],
    groups: [],
    password: 'Okta-sends-one-nobody-keeps-it-1',
    externalId: `00u${number(n)}bench0000`,
    active: true,
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {
      employeeNumber: number(n),
      costCenter: '4130',
      organization: 'Universal Studios',
      division: 'Theme Park',
      department: 'Tour Operations',
    },
  });
}

const patch = (value: object): string =>
  JSON.stringify({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [{ op: 'replace', value }],
  });

/** `PATCH /Users/:id`: a deactivation. */
export const DEACTIVATION = patch({ active: false });

/** A change of a display name, which must reach Cognito. */
export const renaming = (n: number): string => patch({ displayName: `Wilhelmina Smith ${number(n)}` });

/** `GET /Users?filter=userName eq "..."`: Okta's first request about a person. */
export const lookup = (name: string): string =>
  `/Users?filter=${encodeURIComponent(`userName eq "${name}"`)}&startIndex=1&count=100`;
