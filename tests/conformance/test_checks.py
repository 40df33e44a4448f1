"""Every check of the probe, against our collector, and with a look into its store."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.client import Endpoint
from tests.conformance.conftest import Service
from tests.conformance.probe.__main__ import main, ours
from tests.conformance.probe.all_checks import CHECKS
from tests.conformance.probe.check import Case, Outcome, Probe
from tests.conformance.probe.report import as_json, as_markdown, as_text, lines, summary
from tests.conformance.probe.rows import ABOUT, LEVEL_NAMES, LEVELS, NOT_VISIBLE, STATES
from tests.conformance.probe.wire import Server

OPTIONAL = {
    "G17": "server reflection is off by default",
    "H4": "gRPC has a port of its own",
}
NEEDS_CREDENTIALS = {"G11", "H18"}


@pytest.mark.e2e
@pytest.mark.parametrize(
    "case", CHECKS, ids=lambda case: f"{'-'.join(case.rows)}-{case.function.__name__}-{case.way}"
)
def test_our_collector_passes(endpoint: Endpoint, case: Case) -> None:
    """issue #4: the conformance table of our collector has no red row."""
    outcome = case.run(endpoint)
    expected = "pass"
    if OPTIONAL.keys() & set(case.rows):
        expected = "not offered"
    if NEEDS_CREDENTIALS & set(case.rows):
        expected = "not visible"
    assert outcome.result == expected, outcome.seen


WITH_CREDENTIALS = {"G1", "G9", "G11", "G13", "G17", "G18", "H1", "H14", "H18", "H22", "H27", "H28"}


@pytest.fixture(scope="module")
def closed() -> Iterator[Server]:
    """A collector that asks for tokens, and who has one."""
    with ours() as server:
        yield server


@pytest.mark.e2e
@pytest.mark.parametrize(
    "case",
    [case for case in CHECKS if WITH_CREDENTIALS & set(case.rows)],
    ids=lambda case: f"{case.function.__name__}-{case.way}",
)
def test_a_collector_that_asks_for_tokens_passes_with_one(closed: Server, case: Case) -> None:
    """OTLP: G11, H18; issue #4: the probe can be given credentials."""
    outcome = case.run(closed)
    expected = "not offered" if "G17" in case.rows else "pass"
    assert outcome.result == expected, outcome.seen


@pytest.fixture(scope="module")
def of_grpcio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A collector where the native part is not used for gRPC."""
    data = tmp_path_factory.mktemp("grpcio") / "data"
    service = Service(data, "--otlp-grpc-server", "grpcio")
    yield service.endpoint()
    assert service.stop() == 0, service.log()


@pytest.mark.e2e
@pytest.mark.parametrize(
    "case",
    [case for case in CHECKS if case.way == "grpc" and not NEEDS_CREDENTIALS & set(case.rows)],
    ids=lambda case: f"{'-'.join(case.rows)}-{case.function.__name__}",
)
def test_a_collector_with_the_server_of_grpcio_passes(of_grpcio: Endpoint, case: Case) -> None:
    """issue #6: both servers answer the same (docs/decisions/013)."""
    outcome = case.run(of_grpcio)
    expected = "not offered" if OPTIONAL.keys() & set(case.rows) else "pass"
    assert outcome.result == expected, outcome.seen


def test_every_row_has_a_check_or_a_reason() -> None:
    """issue #4: rows that cannot be seen from outside are said to be so, and no other."""
    checked = {row for case in CHECKS for row in case.rows}
    assert checked | NOT_VISIBLE.keys() == ABOUT.keys() == LEVELS.keys()
    assert checked & NOT_VISIBLE.keys() == set()
    assert set(LEVELS.values()) == LEVEL_NAMES.keys()


def test_every_check_says_what_it_expects() -> None:
    """ours: a reader of the table must be able to look it up."""
    assert [case.function.__name__ for case in CHECKS if not case.function.__doc__] == []


def _case(*rows: str) -> Case:
    return Case(rows, "grpc", lambda probe: None)


def test_the_worst_result_of_a_row_counts_and_says_over_which_transport() -> None:
    """issue #4: one line per row."""
    found = [
        (_case("C1", "C23"), Outcome("grpc", "pass", "")),
        (_case("C1"), Outcome("http-json", "fail", "500\n|x|")),
        (_case("C1"), Outcome("http-protobuf", "fail", "")),
        (_case("C2"), Outcome("grpc", "fail", "left")),
        (_case("C2"), Outcome("http-json", "fail", "right")),
        (_case("C4"), Outcome("grpc", "not asked", "no address")),
    ]
    table = {line.row: line for line in lines(found)}
    assert list(table) == list(ABOUT)
    assert table["C1"][3:] == ("fail", "http-json: 500 |x|")
    assert table["C2"][3:] == ("fail", "grpc: left; http-json: right")
    assert table["C23"].result == "pass"
    assert table["C4"].result == "not asked"
    assert table["G6"][3:] == ("not visible", "needs an overload")
    whole = list(table.values())
    assert (
        "| C1 | M | uncompressed requests of each signal succeed | **fail** | http-json: 500 \\|x\\| |"
        in (as_markdown(whole).splitlines())
    )
    assert "C1   M  fail " in as_text(whole)
    assert json.loads(as_json(whole))[0]["result"] == "fail"
    assert summary(whole).startswith("2 fail, 1 pass, ")
    assert summary(whole).endswith("required rows that fail: C1, C2")


def test_the_published_table_has_every_row_and_no_red_one_of_ours() -> None:
    """issue #4: the conformance table of our collector has no red row, and stands in the docs."""
    page = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")
    found = re.findall(
        r"^\| ([CGHJ]\d+) \| (\w) \| ([^|]+) \| ([^|]+) \|(?: [^|]+ \|)+$", page, re.M
    )
    assert [row[:2] for row in found] == list(LEVELS.items())
    assert [row for row, _, _, ours in found if "fail" in ours and STATES[row] == "covered"] == []


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("127.0.0.1:9", "nothing answers"),
        ("nonsense", "is not HOST:PORT"),
        ("ftp://127.0.0.1:9", "is not HOST:PORT"),
    ],
)
def test_a_target_that_cannot_be_asked_is_an_error(
    capsys: pytest.CaptureFixture[str], target: str, said: str
) -> None:
    """ours: and no table of failures."""
    assert main([target]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("{grpc}", ["pass", "not asked"]),
        ("{http}", ["not asked", "pass"]),
        ("grpc://{grpc},http://{http}", ["pass", "pass"]),
    ],
)
def test_one_address_is_recognised_and_the_other_is_not_asked(
    endpoint: Endpoint,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    expected: list[str],
) -> None:
    """issue #4: `make conformance TARGET=host:port`, of either port."""
    few = [case for case in CHECKS if {"G1", "H2"} & set(case.rows)]
    monkeypatch.setattr("tests.conformance.probe.__main__.CHECKS", few)
    assert main(["--format", "json", address.format(**vars(endpoint))]) == 0
    told = {line["row"]: line["result"] for line in json.loads(capsys.readouterr().out)}
    assert [told["G1"], told["H2"]] == expected


@pytest.mark.e2e
def test_a_required_row_that_fails_is_the_exit_code(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """issue #4: a script learns of it; a recommended one is only shown."""

    def fail(probe: Probe) -> None:
        probe.fail("as the test wants")

    for row, code in (("C1", 1), ("G3", 0)):
        monkeypatch.setattr("tests.conformance.probe.__main__.CHECKS", [Case((row,), "grpc", fail)])
        assert main([endpoint.grpc]) == code
        assert "as the test wants" in capsys.readouterr().out
