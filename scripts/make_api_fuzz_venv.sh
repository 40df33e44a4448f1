#!/usr/bin/env bash
# Makes the virtual environment $1 with schemathesis, which no other environment has; keeps one that works.
set -euo pipefail
venv=$1

scripts/make_venv.sh "$venv"
if [ "$("$venv/bin/python" -m pip --disable-pip-version-check freeze 2>/dev/null | sort -f)" = "$(sort -f tests/api_fuzz/constraints.txt)" ]; then
    exit 0
fi
"$venv/bin/python" -m pip --disable-pip-version-check --quiet install -c tests/api_fuzz/constraints.txt -r tests/api_fuzz/requirements.txt
