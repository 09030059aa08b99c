#!/bin/sh
# Builds the wheel of a commit (default HEAD) twice, under different circumstances, into dist/.
# Fails when the two are not the same bytes. `SOURCE_DATE_EPOCH` is the commit's own time.
set -eu
cd "$(dirname "$0")/.."

commit=$(git rev-parse --verify "${1:-HEAD}^{commit}")
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$commit")
export SOURCE_DATE_EPOCH
python=$(pwd)/.venv/bin/python
out=${2:-dist}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() { # name, umask, time zone, hash seed
    mkdir "$work/$1"
    git archive "$commit" | (umask "$2" && tar -x --touch --no-same-permissions -C "$work/$1")
    (cd "$work/$1" && umask "$2" && TZ=$3 PYTHONHASHSEED=$4 "$python" -m hatchling build -t wheel >/dev/null 2>&1) || {
        echo "the wheel of $commit cannot be built; see: python -m hatchling build -t wheel" >&2
        exit 1
    }
}
build one 022 UTC 1
build other 077 Pacific/Kiritimati 2

wheel=$(cd "$work/one/dist" && echo *.whl)
if ! cmp "$work/one/dist/$wheel" "$work/other/dist/$wheel"; then
    echo "the wheel of $commit cannot be reproduced: two builds differ" >&2
    exit 1
fi
mkdir -p "$out"
cp "$work/one/dist/$wheel" "$out/"
(cd "$out" && sha256sum "$wheel")
