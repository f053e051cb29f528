#!/bin/sh
# Gives the application a new password of the database. Add what else your application has.
set -eu
password=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
# Not as an argument: those can be read by everybody on the machine.
psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 --dbname=core_agent <<SQL
alter role coreagent password '$password';
SQL
printf '{"stringData":{"POSTGRES_PASSWORD":"%s"}}' "$password" |
  kubectl --namespace core-agent patch secret core-agent-secret --type merge --patch-file /dev/stdin
kubectl --namespace core-agent rollout restart deployment/core-agent
