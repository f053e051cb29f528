.PHONY: help build check test demo bench
.SILENT:

help: ## Show this list
	awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

build: packages ## Compile to dist/
	npm run --silent build

check: packages ## Format, lint, import directions, types, unused code
	npm run --silent check

test: packages ## All tests, against real servers; installs those on Debian as root
	sh scripts/install-test-servers.sh
	npm test --silent

demo: packages ## A sick system, its alerts, a question, the repair and whether it helped, within a minute
	npm run --silent demo

bench: packages ## What the daemon sustains, side by side with simpler servers
	npm run --silent bench

.PHONY: packages
packages:
	sh scripts/install-node-packages.sh
