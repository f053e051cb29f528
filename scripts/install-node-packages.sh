#!/bin/sh
# Makes sure that node_modules is what package-lock.json says. The packages bring their own Node.js,
# so that the machine's own (at least 18, with npm 9) is only needed to run npm.
set -eu
cd "$(dirname "$0")/.."

if ! command -v npm >/dev/null 2>&1; then
  if [ "$(id -u)" -eq 0 ] && [ -e /etc/debian_version ]; then
    echo 'Installing Node.js and npm from Debian'
    apt-get update -qq >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm ca-certificates >/dev/null
  else
    echo 'npm is missing: install Node.js 20 or newer with npm (https://nodejs.org), then try again' >&2
    exit 1
  fi
fi

node_major=$(node -p 'process.versions.node.split(".")[0]')
if [ "$node_major" -lt 18 ]; then
  echo "Node.js $node_major is too old to install the packages: install Node.js 20 or newer with npm, then try again" >&2
  exit 1
fi

# npm writes this file last, so an interrupted installation is repeated.
installed=node_modules/.package-lock.json
if [ ! -x node_modules/.bin/node ] || [ ! -e "$installed" ] || [ package-lock.json -nt "$installed" ]; then
  echo 'Installing Node packages with npm ci'
  npm ci --no-audit --no-fund --loglevel=error
fi

if ! node_modules/.bin/node --version >/dev/null 2>&1; then
  echo 'The Node.js of the packages does not run: run "npm ci" and look at what its package "node" says' >&2
  exit 1
fi
