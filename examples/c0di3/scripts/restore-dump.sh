#!/bin/sh
# Restores a dump beside the damaged database, then exchanges their names: the damaged one is kept, to be looked at.
# What belongs to the database itself and not to its contents (ALTER DATABASE … SET, GRANT … ON DATABASE) is not in a dump.
set -eu
dump=$1
database=core_agent
stamp=$(date -u +%Y%m%d%H%M%S)
fresh=${database}_restored_$stamp

createdb "$fresh"
if ! pg_restore --exit-on-error --dbname="$fresh" "$dump"; then
  dropdb "$fresh"
  exit 1
fi
# Nobody may connect while the names are exchanged; the new database takes connections from its beginning.
if ! psql --quiet --no-psqlrc --output=/dev/null -v ON_ERROR_STOP=1 --dbname=postgres <<SQL
alter database $database allow_connections false;
select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname in ('$database', '$fresh');
begin;
alter database $database rename to ${database}_damaged_$stamp;
alter database $fresh rename to $database;
commit;
SQL
then
  psql --quiet --no-psqlrc --dbname=postgres --command="alter database $database allow_connections true"
  exit 1
fi
echo "restored $dump; the damaged database is ${database}_damaged_$stamp"
