#!/bin/sh
# What the rules need in the database: a role of its own with no more than that, and the statistics of slow queries.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
create extension pg_stat_statements;
create table public.users (username text primary key, is_active boolean not null default true);
insert into public.users (username) values ('alice'), ('mallory');
create role remedyd login createdb password :'password' in role pg_monitor, pg_signal_backend, pg_read_all_data;
grant pg_maintain to remedyd; -- from PostgreSQL 17 on: vacuum, analyze, reindex
grant update (is_active) on public.users to remedyd;
grant alter system on parameter max_connections to remedyd;
grant execute on function pg_reload_conf() to remedyd;
grant select on pg_file_settings to remedyd;
grant execute on function pg_show_all_file_settings() to remedyd;
-- A place that clients cannot take, for who ends them when there is no other (PostgreSQL 16 and later).
select 'grant pg_use_reserved_connections to remedyd' where current_setting('server_version_num')::int >= 160000 \gexec
SQL
