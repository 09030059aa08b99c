#!/bin/sh
# Makes sure of the few programs that the tests call beside Docker: the unit file is judged by
# systemd's own tools, the trail by jq; with --soak also libfaketime, which steps the clock of
# the longer checks. Does nothing when they are there.
set -eu

missing=""
if [ "${1:-}" = --soak ] && ! ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1; then
    missing=" faketime"
fi
command -v systemd-analyze >/dev/null || missing="$missing systemd"
command -v jq >/dev/null || missing="$missing jq"
if [ -z "$missing" ]; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests need these packages, which are not installed:$missing" >&2
    echo "Install them (as root on Debian or Ubuntu: apt-get install$missing), run this again." >&2
    exit 3
fi
echo "installing$missing with apt"
apt-get update -qq
# shellcheck disable=SC2086 # a list of package names
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
