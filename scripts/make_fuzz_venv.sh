#!/usr/bin/env bash
# Makes the virtual environment $1 with the packages and the fuzzer, which no other environment has; keeps one that works.
set -euo pipefail
venv=$1
pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet install)

scripts/make_venv.sh "$venv"
if ! "$venv/bin/python" -c 'import atheris, stepscope_collector' 2>/dev/null; then
    "${pip[@]}" --only-binary atheris -r tests/fuzz/requirements.txt
    "${pip[@]}" -c constraints.txt hatchling editables
    "${pip[@]}" -c constraints.txt --no-build-isolation -e ./schema -e './exporter[otlp-grpc,otlp-http]' -e ./collector
fi
scripts/make_native.sh "$venv"
