#!/bin/sh
# Installs the servers that the tests run against, where that can be done without asking: on Debian, as root.
set -eu

missing=''
needs() { # package, then the programs of which one is enough
  package=$1
  shift
  for program in "$@"; do
    for found in $(command -v "$program" 2>/dev/null || true) /usr/sbin/"$program" /usr/lib/postgresql/*/bin/"$program"; do
      if [ -x "$found" ]; then return; fi
    done
  done
  missing="$missing $package"
}

[ -n "${TEST_DATABASE_URL:-}" ] || needs postgresql postgres
[ -n "${TEST_REDIS_URL:-}" ] || needs redis-server redis-server
[ -n "${DOCKER_HOST:-}" ] || needs docker.io dockerd
needs busybox-static busybox
needs prometheus prometheus
needs prometheus-alertmanager prometheus-alertmanager alertmanager

if [ -z "$missing" ]; then exit 0; fi
if [ "$(id -u)" -ne 0 ] || [ ! -e /etc/debian_version ]; then
  echo "Not installed:$missing (Debian's names). Install them, or let their tests be skipped"
  exit 0
fi
echo "Installing the servers for the tests from Debian:$missing"
apt-get update -qq >/dev/null
# shellcheck disable=SC2086 # a list of names
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
