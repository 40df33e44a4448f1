"""pytest: test sessions as executions, tests as steps; and fixtures for tests of workflows.

    pytest -p stepscope.integrations.pytest                 the fixture `recorded`
    pytest -p stepscope.integrations.pytest --stepscope     and the session is sent

An example of an engine: what an engine needs is to open an execution, to open a step around each
unit of its work, and to say how each ended.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from stepscope._configure import configure, shutdown
from stepscope._decorators import step, workflow
from stepscope._frames import Execution, Frame, detach, guarded
from stepscope.testing import Recorded, capture

__all__ = ["pytest_addoption", "pytest_configure", "recorded"]

_OUTCOMES = {0: "success", 2: "cancellation", 5: "skip"}
"""Exit status of pytest to outcome; all others are failures."""


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """What the test's workflows recorded: `recorded.execution("checkout").outcome`."""
    with capture() as found:
        yield found


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--stepscope`."""
    group = parser.getgroup("stepscope")
    group.addoption("--stepscope", action="store_true", help="record this session as an execution")
    group.addoption(
        "--stepscope-name", default=None, help="its workflow name; default: pytest and the folder"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start recording when asked to."""
    if config.getoption("--stepscope"):
        configure()
        config.pluginmanager.register(_Session(config), "stepscope-session")


class _Session:
    """Records one session."""

    def __init__(self, config: pytest.Config) -> None:
        self._name = config.getoption("--stepscope-name") or f"pytest {config.rootpath.name}"
        self._execution: Execution | None = None
        self._token: Any = None
        self._errors: dict[str, BaseException] = {}
        self._skips: dict[str, str] = {}

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """The execution begins."""
        arguments = [str(argument) for argument in session.config.invocation_params.args]
        self._execution = workflow(self._name, trigger="manual").open(self._name)
        self._execution.set_input(arguments=arguments)
        self._token = self._execution.attach()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """One test is one step: its set-up, its call and its clean-up."""
        frame = step(type="test").open(item.nodeid)
        token = frame.attach()
        try:
            return (yield)
        finally:
            detach(token)
            self._close(frame, item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Remember what each phase said."""
        report = yield
        if report.failed and call.excinfo is not None:
            self._errors.setdefault(item.nodeid, call.excinfo.value)
        elif report.skipped:
            reason = report.longrepr
            self._skips[item.nodeid] = str(reason[2] if isinstance(reason, tuple) else reason)
        return report

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """The execution ends."""
        if self._execution is None:
            return
        detach(self._token)
        outcome = _OUTCOMES.get(int(exitstatus), "failure")
        reason = (
            None
            if outcome == "success"
            else f"{session.testsfailed} of {session.testscollected} failed"
        )
        self._execution.set_output(
            {"collected": session.testscollected, "failed": session.testsfailed}
        )
        self._execution.conclude(outcome, reason, "pytest.failed")
        self._execution.succeed()
        shutdown()

    def _close(self, frame: Frame, test: str) -> None:
        try:
            error = self._errors.pop(test, None)
            skip = self._skips.pop(test, None)
            if error is not None:
                frame.end_with(error)
                return
            if skip is not None:
                frame.skip(skip)
            frame.succeed()
        except Exception as failure:  # noqa: BLE001 - the session goes on
            guarded(failure)
