"""Every target of the fuzzer for some seconds each, one after the other; what `make fuzz` runs.

    python -m tests.fuzz.run PYTHON SECONDS [--keep] [TARGET]…

PYTHON is an interpreter that has atheris. Inputs that reach new code are collected below
.isolate/fuzz, and with --keep the fewest of them that reach all of it go to tests/fuzz/corpus, which
`test_corpus.py` runs. What is found stands in .isolate/fuzz/found: put a copy of it as
tests/fuzz/regressions/TARGET/what-was-wrong.bin before mending it. Exits 1 if there is anything.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.fuzz import corpus, seeds
from tests.fuzz.targets import IS_NATIVE, TARGETS

__all__ = ["main"]

ROOT = Path(__file__).parents[2]
WORK = ROOT / ".isolate" / "fuzz"
FLAGS = [
    "-timeout=20",  # seconds of one input
    "-rss_limit_mb=3072",
    "-max_len=8192",
    "-print_final_stats=1",
]
"""What counts as found beside an exception: an input that takes too long, and one that takes too much memory."""

_FIGURES = re.compile(r"stat::number_of_executed_units: (\d+)")
_COVERED = re.compile(r"#\d+\s+DONE\s+cov: (\d+) ft: (\d+) corp: (\d+)")


def _fuzz(python: str, target: str, folders: list[Path], *flags: str) -> tuple[int, str]:
    """Exit code and log of libFuzzer."""
    found = WORK / "found"
    found.mkdir(exist_ok=True)
    done = subprocess.run(
        [
            python, "-m", "tests.fuzz", target, *FLAGS, *flags,
            f"-artifact_prefix={found}/{target}-", *map(str, folders),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def _run(python: str, target: str, seconds: int) -> bool:
    """Fuzz one target; True if nothing was found."""
    collected = WORK / "corpus" / target
    kept = WORK / "kept" / target
    collected.mkdir(parents=True, exist_ok=True)
    corpus.unpack(target, kept)
    words = [f"-dict={WORK}/seeds/json.dict"] if target.endswith("json") else []
    code, log = _fuzz(
        python,
        target,
        [collected, kept, WORK / "seeds" / target],
        f"-max_total_time={seconds}",
        *words,
    )
    count = _FIGURES.search(log)
    covered = _COVERED.search(log)
    told = f"{covered[1]} branches, {covered[3]} inputs" if covered else "ended early"
    print(
        f"{target:<16} {count[1] if count else '?':>9} runs, {told}, {'nothing found' if code == 0 else 'FOUND'}"
    )
    if code != 0:
        print(log[-6000:])
    return code == 0


def _keep(python: str, target: str) -> None:
    """The fewest inputs that reach all the code that any reaches, into the repository."""
    kept = WORK / "fewest" / target
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    folders = [kept, WORK / "kept" / target, WORK / "corpus" / target, WORK / "seeds" / target]
    code, log = _fuzz(python, target, folders, "-merge=1", "-max_len=1024")
    assert code == 0, log[-4000:]
    corpus.pack(target, kept)


def main(arguments: list[str]) -> int:
    """Fuzz; 1 if something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python")
    parser.add_argument("seconds", type=int)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("targets", nargs="*", metavar="TARGET", default=[])
    chosen = parser.parse_args(arguments)
    seeds.main(WORK / "seeds")
    print("both decoders are compared" if IS_NATIVE else "there is no native decoder to compare")
    targets = chosen.targets or list(TARGETS)
    results = [_run(chosen.python, target, chosen.seconds) for target in targets]
    if chosen.keep:
        for target in targets:
            _keep(chosen.python, target)
    return int(not all(results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
