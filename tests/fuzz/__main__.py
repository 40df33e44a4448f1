"""One target of targets.py under atheris, a fuzzer that is guided by coverage.

    python -m tests.fuzz TARGET [flags of libFuzzer] [corpus folder]…

Runs in the environment of `make fuzz`, the only one that has atheris.
"""

import sys

import atheris

with atheris.instrument_imports(include=["stepscope_collector", "tests.fuzz.seen"]):
    from tests.fuzz.targets import TARGETS

if __name__ == "__main__":
    name = sys.argv[1]
    # The first argument is what libFuzzer gives to a shell when it starts itself again, to merge.
    itself = f"{sys.executable} -m tests.fuzz {name}"
    atheris.Setup([itself, *sys.argv[2:]], TARGETS[name])
    atheris.Fuzz()
