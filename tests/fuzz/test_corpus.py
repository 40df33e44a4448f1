"""The fuzzer's inputs as ordinary tests: what it collected, and what it once found."""

from pathlib import Path

import pytest

from tests.fuzz.corpus import CORPUS, REGRESSIONS, kept, regressions, unpack
from tests.fuzz.seeds import seeds, words
from tests.fuzz.targets import TARGETS

MAX_CORPUS_BYTES = 300 << 10


@pytest.mark.parametrize("target", TARGETS)
def test_every_input_ends_as_it_should(target: str) -> None:
    """issue #4: any bytes end in an accepted request or a documented refusal."""
    inputs = [*seeds()[target].values(), *kept(target).values(), *regressions(target).values(), b""]
    for data in inputs:
        TARGETS[target](data)


def test_the_corpus_is_small_and_belongs_to_targets() -> None:
    """issue #4: the corpus is kept small in the repository."""
    inputs = [
        path for folder in (CORPUS, REGRESSIONS) for path in folder.rglob("*") if path.is_file()
    ]
    assert sum(path.stat().st_size for path in inputs) < MAX_CORPUS_BYTES
    assert {path.stem for path in CORPUS.iterdir()} == TARGETS.keys()
    assert all(kept(target) for target in TARGETS)
    assert {path.parent.name for path in inputs if path.suffix == ".bin"} <= TARGETS.keys()


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    """ours: the archives are read and written by the fuzzer only."""
    unpack("repair", tmp_path)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == kept("repair") | regressions("repair")


def test_the_seeds_hold_every_field_and_the_words_every_key() -> None:
    """ours: what the fuzzer never sees it cannot vary."""
    begun = seeds()
    assert all(begun[target] for target in TARGETS)
    texts = b"".join(
        data for name, found in begun.items() if name.endswith("-json") for data in found.values()
    )
    missing = [
        word
        for word in words()
        if word[0].islower() and word.isalpha() and f'"{word}"'.encode() not in texts
    ]
    # Words of JSON itself.
    assert sorted(missing) == ["null", "true"]
