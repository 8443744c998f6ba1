/** The attributes of a person that an account copies from the directory. */
import { Column } from 'typeorm';
import { SnakeCaseNaming } from '#platform';

export abstract class Profile {
  @Column({ type: 'text' }) userName!: string;
  @Column({ type: 'text', nullable: true }) externalId!: string | null;
  @Column({ type: 'text', nullable: true }) email!: string | null;
  @Column({ type: 'text', nullable: true }) displayName!: string | null;
  @Column({ type: 'text', nullable: true }) givenName!: string | null;
  @Column({ type: 'text', nullable: true }) familyName!: string | null;
}

export const PROFILE = [
  'userName',
  'externalId',
  'email',
  'displayName',
  'givenName',
  'familyName',
] as const satisfies readonly (keyof Profile)[];

const naming = new SnakeCaseNaming();

/** Calls `sql` for each column of the profile and joins the returned SQL fragments. */
export const profileSql = (sql: (column: string, property: keyof Profile, index: number) => string): string =>
  PROFILE.map((property, index) => sql(naming.columnName(property, undefined, []), property, index)).join(', ');
