#!/bin/sh
# What the rules need in the database: a role of its own with no more than that.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
create extension pg_stat_statements;
create extension amcheck;
create role coreagent login password :'password';
grant create on schema public to coreagent;
create role remedyd login createdb password :'password' in role pg_monitor, pg_signal_backend, pg_read_all_data, coreagent;
grant execute on function bt_index_check(regclass, boolean), verify_heapam(regclass, boolean, boolean, text, bigint, bigint) to remedyd;
grant alter system on parameter max_connections to remedyd;
grant execute on function pg_reload_conf() to remedyd;
grant select on pg_file_settings to remedyd;
grant execute on function pg_show_all_file_settings() to remedyd;
-- A place that clients cannot take, for who ends them when there is no other (PostgreSQL 16 and later).
select 'grant pg_use_reserved_connections to remedyd' where current_setting('server_version_num')::int >= 160000 \gexec
SQL
