#!/bin/sh
# Makes .venv from the hash-locked requirements; does nothing when it is up to date.
set -eu
cd "$(dirname "$0")/.."

wanted=$(cat requirements.lock pyproject.toml scripts/venv.sh | sha256sum)
if [ -x .venv/bin/mendd ] && [ "$(cat .venv/stamp 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "mendd needs Python 3.11 or later; '$python' is not. Set PYTHON=/path/to/python3.11" >&2
    exit 3
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing python3-venv (this Python has no ensurepip)"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    else
        echo "this Python cannot make virtual environments: install python3-venv" >&2
        exit 3
    fi
fi

echo "setting up .venv (hash-locked, about 20 seconds)"
rm -rf .venv
"$python" -m venv .venv
pip="env PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip -qq"
$pip install --require-hashes -r requirements.lock
$pip install --no-deps --no-build-isolation -e .
printf '%s' "$wanted" > .venv/stamp
