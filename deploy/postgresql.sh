#!/usr/bin/env bash
# Makes sure that PostgreSQL's server binaries are on this machine: weir runs a
# private PostgreSQL with them. Installs Debian's package when we are root and
# says what to install when we are not. Does nothing when a database is given.
set -euo pipefail

if [ -n "${WEIR_DATABASE_URL:-}" ]; then exit 0; fi

have_binaries() {
	local dir
	for dir in "${WEIR_PG_BIN:-}" /usr/lib/postgresql/*/bin /usr/local/pgsql/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin; do
		if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then return 0; fi
	done
	command -v initdb >/dev/null && command -v postgres >/dev/null
}

if have_binaries; then exit 0; fi

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "weir needs PostgreSQL 15 or later: install it (Debian, Ubuntu: sudo apt-get install postgresql; macOS: brew install postgresql@17) or set WEIR_DATABASE_URL" >&2
	exit 1
fi

echo "installing Debian's postgresql package"
# weir runs a cluster of its own; the package's would only take up port 5432.
mkdir -p /etc/postgresql-common
if ! grep -qs '^create_main_cluster' /etc/postgresql-common/createcluster.conf; then
	echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends postgresql >/dev/null
have_binaries || { echo "the postgresql package was installed, but its binaries were not found; set WEIR_PG_BIN" >&2; exit 1; }
