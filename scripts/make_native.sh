#!/usr/bin/env bash
# Builds the decoder in Rust and installs it into the virtual environment $1. Without cargo, or when the build
# fails, it says so and the collector decodes in Python. What was built once for these sources is kept and used again.
set -euo pipefail
venv=$1
python="$venv/bin/python"
pip=("$python" -m pip --disable-pip-version-check --quiet)

without() {
    "${pip[@]}" uninstall --yes stepscope-native 2>/dev/null || true
    echo "native decoder: not built, $1; the collector decodes in Python"
    exit 0
}

command -v cargo >/dev/null || without "cargo is not installed (Rust 1.88 or newer, https://rustup.rs)"

tool=$(tr -d '\n' <native/requirements.txt)
fingerprint=$({
    find native/src -type f | LC_ALL=C sort | xargs cat native/Cargo.toml native/Cargo.lock native/pyproject.toml native/stepscope_native.pyi
    cargo --version
    uname -sm
} | "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])')
kept="${XDG_CACHE_HOME:-$HOME/.cache}/stepscope/native"
if ! mkdir -p "$kept" 2>/dev/null; then
    kept=native/target/kept
    mkdir -p "$kept"
fi
if command -v flock >/dev/null; then # one build at a time: the next finds its result
    exec 9>"$kept/lock"
    flock 9
fi

if ! ls "$kept/$fingerprint"/*.whl >/dev/null 2>&1; then
    builder=native/target/builder
    scripts/make_venv.sh "$builder"
    "$builder/bin/python" -m pip --disable-pip-version-check --quiet install "$tool" || without "$tool cannot be installed"
    echo "native decoder: building, which takes a minute or two the first time"
    log=native/target/build.log
    "$builder/bin/maturin" build --release --locked --manifest-path native/Cargo.toml --out "$kept/$fingerprint.new" >"$log" 2>&1 ||
        { tail -n 20 "$log" >&2; without "its build failed, see $log"; }
    rm -rf "${kept:?}/$fingerprint"
    mv "$kept/$fingerprint.new" "$kept/$fingerprint"
    # four are enough to go back and forth between branches
    { ls -td "$kept"/*/ | tail -n +5 | xargs rm -rf; } || true
fi
"${pip[@]}" install --no-index --no-deps --force-reinstall "$kept/$fingerprint"/*.whl
"$python" -c 'import stepscope_native as native; print(f"native decoder: stepscope-native {native.__version__} is installed")'
