#!/usr/bin/env bash
# Writes constraints.txt: what an empty environment holds after installing the newest allowed versions.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
scripts/make_venv.sh "$scratch/venv"
pip() { "$scratch/venv/bin/python" -m pip --disable-pip-version-check "$@"; }
pip install --quiet -r requirements-dev.txt
pip install --quiet --no-build-isolation -e ./schema -e './exporter[otlp-grpc,otlp-http]' -e './collector[mcp]'
{
    echo "# Exact versions of everything CI installs: the three packages' dependencies and requirements-dev.txt."
    echo "# Made in an empty virtual environment by \`make constraints\`. Names no package index."
    pip freeze --exclude-editable | sed 's/ @ .*//' | grep -v '^#' | grep '=='
} >"$scratch/constraints.txt"
mv "$scratch/constraints.txt" constraints.txt
