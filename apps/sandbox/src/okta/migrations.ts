/** What the Management API and the event hooks of the sandbox Okta remember. */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class OktaManagement1764050000001 implements MigrationInterface {
  name = 'OktaManagement1764050000001';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table okta_app add column app_id text unique`);
    // Okta's ids are opaque: a hash of the tenant gives the apps that are there already one that stays.
    await runner.query(`update okta_app set app_id = '0oa' || substr(md5(slug), 1, 17)`);
    await runner.query(`alter table okta_app alter column app_id set not null`);
    await runner.query(`
      alter table okta_person
        add column status_changed_at timestamptz not null default clock_timestamp(),
        add column updated_at timestamptz not null default clock_timestamp()`);
    await runner.query(
      `alter table okta_assignment add column changed_at timestamptz not null default clock_timestamp()`,
    );
    await runner.query(`alter table okta_group add column created_at timestamptz not null default clock_timestamp()`);
    await runner.query(`
      create table okta_api_token (
        hash text primary key,
        slug text not null references okta_app on delete cascade,
        owner_id text not null,
        rights text not null check (rights in ('admin', 'none')),
        created_at timestamptz not null default clock_timestamp())`);
    await runner.query(`
      create table okta_event_hook (
        slug text primary key references okta_app on delete cascade,
        id text not null,
        url text not null,
        secret text not null,
        events text[] not null,
        created_at timestamptz not null default clock_timestamp())`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table okta_event_hook, okta_api_token');
    await runner.query('alter table okta_group drop column created_at');
    await runner.query('alter table okta_assignment drop column changed_at');
    await runner.query('alter table okta_person drop column updated_at, drop column status_changed_at');
    await runner.query('alter table okta_app drop column app_id');
  }
}
