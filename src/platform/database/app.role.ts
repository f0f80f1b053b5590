import { ExitCode } from '../../kernel/exit-code.js';
import type { Transaction } from './database.js';

/** The role that everything is done as, unless DATABASE_OWNER_URL says that DATABASE_URL has one of its own. */
export const APP_ROLE = 'mainstay_app';

/** The service has no role that the tenants' rows are kept from. */
export class NoAppRole extends Error {
  readonly exitCode = ExitCode.schema;

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'NoAppRole';
  }
}

/**
 * Makes the lesser role if it is not there, and lets the owner act as it. Roles belong to the server, not to the database:
 * another service on another database of the same server may be making the same one right now.
 */
export async function makeAppRole(owner: Transaction): Promise<void> {
  try {
    await owner.query(`
      do $$
      declare switch text := case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end;
      begin
        begin
          if to_regrole('${APP_ROLE}') is null then create role ${APP_ROLE} nologin; end if;
        exception when duplicate_object or unique_violation then null;
        end;
        if not pg_has_role(current_user, '${APP_ROLE}', switch) then
          execute format('grant ${APP_ROLE} to %I', current_user);
        end if;
      end $$`);
  } catch (error) {
    if ((error as { code?: string }).code !== '42501') throw error;
    throw new NoAppRole(
      `The role of DATABASE_URL may not make or take the role ${APP_ROLE}, by which tenants are kept apart. Either have an ` +
        `administrator run there: create role ${APP_ROLE} nologin; grant ${APP_ROLE} to <the role of DATABASE_URL>; ` +
        'or set DATABASE_OWNER_URL to the owner of the tables, and DATABASE_URL to a lesser role',
      error,
    );
  }
}

/** Lets a role use what the owner made and will make. Only what is missing is granted: a grant is a write. */
export async function admit(owner: Transaction, role: string): Promise<void> {
  await owner.query(`
    do $$
    declare found record;
    begin
      alter default privileges grant usage on schemas to ${quoted(role)};
      alter default privileges grant select, insert, update, delete on tables to ${quoted(role)};
      alter default privileges grant usage on sequences to ${quoted(role)};
      for found in select nspname from pg_namespace n
        where (nspowner = current_user::regrole or nspname = 'public')
          and nspname !~ '^pg_' and not has_schema_privilege(${literal(role)}, n.oid, 'usage')
      loop
        execute format('grant usage on schema %I to %I', found.nspname, ${literal(role)});
      end loop;
      for found in select c.oid::regclass as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and c.relowner = current_user::regrole
          and nspname !~ '^pg_' and nspname <> 'information_schema' and c.oid <> 'tenants'::regclass
          and not has_table_privilege(${literal(role)}, c.oid, 'delete')
      loop
        execute format('grant select, insert, update, delete on %s to %I', found.name, ${literal(role)});
      end loop;
      -- Whom there is is nobody's business but the owner's.
      revoke all on tenants from ${quoted(role)};
    end $$`);
}

/** @throws NoAppRole when the role would see every tenant's rows, or could lift what keeps them apart */
export async function assertLesser(owner: Transaction, role: string): Promise<void> {
  const [found] = await owner.query<{ why: string }>(
    `select case when rolsuper then 'is a superuser' when rolbypassrls then 'has BYPASSRLS'
       when pg_has_role(rolname, current_user, 'member') then 'owns the tables' end as why
     from pg_roles where rolname = $1`,
    [role],
  );
  if (found?.why == null) return;
  throw new NoAppRole(
    `The role ${role} ${found.why}, so the database could not keep tenants apart. With DATABASE_OWNER_URL, DATABASE_URL is ` +
      `for a lesser role: create role <name> login password '…' nosuperuser nobypassrls`,
  );
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
