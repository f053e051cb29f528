#!/bin/sh
# Keeps the logs of every pod of the namespace, those of the run before too, in one archive with a checksum.
set -eu
directory=/backups/evidence/$(date -u +%Y%m%dT%H%M%SZ)
umask 077
mkdir -p "$directory"
pods=$(kubectl --namespace core-agent get pods --output name)
for pod in $pods; do
  file=$directory/${pod#pod/}
  kubectl --namespace core-agent logs "$pod" --all-containers --prefix --timestamps >"$file.log"
  # A pod that was never restarted has no run before.
  kubectl --namespace core-agent logs "$pod" --all-containers --prefix --timestamps --previous >"$file.previous.log" 2>/dev/null || true
done
tar -czf "$directory.tar.gz" -C "$directory" .
sha256sum "$directory.tar.gz"
