"""A program of an engine against a running collector, and what its history must hold then.

The program runs in the engine's own environment. It prints one JSON object per line: `scenario`, and the
ids that the engine itself gave, by the names that the test uses for them. Where a test looks at
something that still runs, the program waits for a file (the gate) in the middle of it.
"""

import json
import os
import re
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from stepscope_collector.cli.server import wait_for
from stepscope_collector.config.endpoints import Endpoints
from tests.integration.collector.process import Collector
from tests.unit.collector.mapping.histories import assert_holds

__all__ = ["Live", "Program", "Wanted", "execution", "resolved", "step"]

Wanted = list[dict[str, Any]]

PROGRAM_S: Final = 400
"""The longest that a program may take for what it was asked."""
SEEN_S: Final = 60
"""The longest that something may take to be seen."""


def step(
    name: str,
    status: str = "success",
    *tries: str,
    step_id: str | None = None,
    kind: str | None = None,
) -> dict[str, Any]:
    """A step as expected.json tells it; `tries` are the statuses of its attempts in their order."""
    found: dict[str, Any] = {"name": name, "status": status}
    if tries:
        found |= {"attempts": len(tries), "tries": list(tries)}
    return found | {k: v for k, v in {"id": step_id, "kind": kind}.items() if v is not None}


def execution(
    execution_id: str, name: str, status: str, *steps: dict[str, Any], **fields: Any
) -> dict[str, Any]:
    """An execution as expected.json tells it; `{word}` in a text is an id that the program told."""
    return {"name": name, "id": execution_id, "status": status, **fields, "steps": list(steps)}


def resolved(wanted: Any, ids: Mapping[str, str]) -> Any:
    """The same with `{word}` replaced by the id of that name."""
    if isinstance(wanted, str):
        return re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], found[0]), wanted)
    if isinstance(wanted, list):
        return [resolved(each, ids) for each in wanted]
    if isinstance(wanted, dict):
        return {key: resolved(value, ids) for key, value in wanted.items()}
    return wanted


class Program:
    """A running program of an engine; what it said is kept and shown when it fails."""

    def __init__(
        self, command: Sequence[str | Path], folder: Path, variables: Mapping[str, str]
    ) -> None:
        """Start it in a process group of its own.

        Args:
            command: the interpreter and its arguments.
            folder: where it runs, and keeps what it keeps.
            variables: of the environment, beside those of this process.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.gate = folder / "gate"
        self.gate.unlink(missing_ok=True)
        self.log = folder / "program.log"
        self.told: dict[str, dict[str, str]] = {}
        self._changed = threading.Condition()
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                env={**kept, "HOME": str(folder), "GATE": str(self.gate), **variables},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                if line.startswith("{"):
                    told = json.loads(line)
                    with self._changed:
                        self.told.setdefault(told.pop("scenario"), {}).update(told)
                        self._changed.notify_all()

    def said(self) -> str:
        """The end of what it wrote to stderr."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-6000:]

    def ids(self, scenario: str, *names: str) -> dict[str, str]:
        """The ids that the program told of a scenario, as soon as those named are there."""

        def is_told() -> bool:
            return set(names) <= set(self.told.get(scenario, {})) and scenario in self.told

        with self._changed:
            self._changed.wait_for(
                lambda: is_told() or self.process.poll() is not None, timeout=PROGRAM_S
            )
            assert is_told(), f"{scenario} told {self.told.get(scenario)}\n{self.said()}"
            return dict(self.told[scenario])

    def open_gate(self) -> None:
        """Let what waits go on."""
        self.gate.touch()

    def finish(self, expected: int = 0) -> None:
        """Wait until it has ended by itself, which must be with the exit code that is expected."""
        try:
            code = self.process.wait(PROGRAM_S)
        finally:
            self.stop()
        self._reader.join(SEEN_S)
        assert code == expected, f"exit code {code}\n{self.said()}"

    def end(self, how: signal.Signals) -> None:
        """Send it a signal on which it ends by itself, without an error."""
        self.process.send_signal(how)
        self.finish()

    def stop(self) -> None:
        """End it and all that it has started."""
        for each in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, each)
                self.process.wait(15)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue


class Live:
    """A collector, and the programs that send to it."""

    def __init__(self, collector: Collector, folder: Path) -> None:
        self.collector = collector
        self.folder = folder
        self.recordings: dict[str, Wanted] = {}
        self._programs = 0
        self._known: set[str] = set()

    @property
    def endpoints(self) -> Endpoints:
        """Where the collector listens."""
        return self.collector.endpoints

    @property
    def variables(self) -> dict[str, str]:
        """The variables of OpenTelemetry that point a program at the collector."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{self.endpoints.otlp_http}",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }

    @contextmanager
    def running(self, *command: str | Path, **variables: str) -> Iterator[Program]:
        """A program, stopped at the end with all that it has started."""
        self._programs += 1
        folder = self.folder / f"program-{self._programs}"
        program = Program(command, folder, self.variables | variables)
        try:
            yield program
        finally:
            program.stop()

    def ran(self, *command: str | Path, **variables: str) -> dict[str, dict[str, str]]:
        """Run a program to its end: what it told of each scenario. All it sent is committed then."""
        with self.running(*command, **variables) as program:
            program.finish()
            return program.told

    def sql(self, statement: str, **params: Any) -> list[dict[str, Any]]:
        """Rows of a question to the read API."""
        body = json.dumps({"sql": statement, "params": params}).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(
            f"http://{self.endpoints.web}/api/sql", body, headers, method="POST"
        )
        with urllib.request.urlopen(request, timeout=30) as got:
            answer = json.loads(got.read())
        names = [column["name"] for column in answer["columns"]]
        return [dict(zip(names, row, strict=True)) for row in answer["rows"]]

    def shown(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Executions by their ids with their steps and tries; the rows of the views."""
        found = self.sql("select * from executions where execution_id in $ids", ids=list(ids))
        by_id = {each["execution_id"]: each | {"steps": []} for each in found}
        ordered = "order by execution_id, first_started_at, step_index"
        tries: dict[tuple[str, str], list[str]] = {}
        for each in self.sql(
            "select execution_id, step_id, status from attempts where execution_id in $ids order by attempt, started_at",
            ids=list(ids),
        ):
            tries.setdefault((each["execution_id"], each["step_id"]), []).append(each["status"])
        for each in self.sql(
            f"select * from steps where execution_id in $ids {ordered}", ids=list(ids)
        ):
            told = tries.get((each["execution_id"], each["step_id"]), [])
            if each["execution_id"] in by_id:  # else it came after the first question
                by_id[each["execution_id"]]["steps"].append(each | {"tries": told})
        return list(by_id.values())

    def assert_holds(
        self, wanted: Wanted, ids: Mapping[str, str], record: str | None = None
    ) -> None:
        """The history holds exactly these executions, steps and tries of those ids.

        Args:
            wanted: executions in the words of expected.json.
            ids: what the program told.
            record: keep it under this name when recordings are made.
        """
        wanted = resolved(wanted, ids)
        found = self.shown([each["id"] for each in wanted])
        assert_holds(found, wanted)
        for each in wanted:
            steps = next(f for f in found if f["execution_id"] == each["id"])["steps"]
            for one in each["steps"]:
                if "tries" in one:
                    same = [s for s in steps if s["step_name"] == one["name"]]
                    assert one["tries"] in [s["tries"] for s in same]
        if record is not None:
            self.recordings[record] = wanted

    def wait_for(self, wanted: Wanted, ids: Mapping[str, str]) -> None:
        """Wait until the history holds these executions, at most SEEN_S."""

        def is_there() -> bool | None:
            try:
                self.assert_holds(wanted, ids)
            except AssertionError:
                return None
            return True

        if wait_for(is_there, SEEN_S) is None:
            self.assert_holds(wanted, ids)

    def wait_for_one(self, statement: str) -> str:
        """Wait until a question has exactly one row, at most SEEN_S; the value in it."""

        def value() -> str | None:
            rows = self.sql(statement)
            return next(iter(rows[0].values())) if len(rows) == 1 else None

        found = wait_for(value, SEEN_S)
        assert found is not None, self.sql(statement)
        return found

    def assert_nothing_but(
        self, wanted: Mapping[str, Wanted], told: Mapping[str, Mapping[str, str]], dialect: str
    ) -> None:
        """No execution stands in the history beside these and those asked for so before.

        Args:
            wanted: executions by scenario.
            told: ids by scenario.
            dialect: of all of them.
        """
        for scenario, each in wanted.items():
            self._known |= {one["id"] for one in resolved(each, told[scenario])}
        found = self.sql("select execution_id, execution_name, dialect from executions")
        assert [each for each in found if each["execution_id"] not in self._known] == []
        assert {each["dialect"] for each in found} == {dialect}
