#!/bin/sh
# What the rules need in the database: a role of its own with no more than that, and the statistics of slow queries.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
create extension pg_stat_statements;
create table public.users (username text primary key, disabled boolean not null default false);
insert into public.users (username) values ('alice'), ('mallory');
create role application login;
create role remedyd login createdb password :'password' in role pg_monitor, pg_signal_backend, pg_read_all_data;
grant update (disabled) on public.users to remedyd;
-- A place that clients cannot take, for who ends them when there is no other (PostgreSQL 16 and later).
select 'grant pg_use_reserved_connections to remedyd' where current_setting('server_version_num')::int >= 160000 \gexec
SQL
# Read-only mode (`fa-emergency`) needs the role that owns the database as well: grant OWNER to remedyd.
