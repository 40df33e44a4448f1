#!/usr/bin/env bash
# Makes the virtual environment $1 with the first Python >= 3.11 found; keeps one that works.
set -euo pipefail
venv=$1
is_new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

if "$venv/bin/python" -c "$is_new_enough" 2>/dev/null && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi
for python in ${PYTHON:-} python3.11 python3.12 python3.13 python3.14 python3 python; do
    if command -v "$python" >/dev/null && "$python" -c "$is_new_enough" 2>/dev/null; then
        rm -rf "$venv"
        if "$python" -m venv "$venv"; then
            exit 0
        fi
        echo "error: $python cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2
        exit 1
    fi
done
echo "error: no Python 3.11 or newer found; install one, or name it: make setup PYTHON=/path/to/python3.11" >&2
exit 1
