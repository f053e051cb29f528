#!/bin/sh
# The role of remedyd: it may see and end sessions, and read nothing else.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_PASSWORD" --username "$POSTGRES_USER" <<'SQL'
create role remedyd login password :'password' in role pg_monitor, pg_signal_backend;
SQL
