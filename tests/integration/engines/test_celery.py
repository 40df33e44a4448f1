"""Celery with OpenTelemetry's instrumentation: what its worker did is what the history holds."""

import signal
from pathlib import Path

import pytest

from tests.integration.engines.environments import environment
from tests.integration.engines.live import execution, step

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

FOLDER = Path(__file__).parent / "celery"
WORKER = ["-m", "celery", "-A", "tasks", "worker", "--concurrency", "2", "--loglevel", "WARNING"]


def message(name, *tries, status=None, message_id="id"):
    """One message; `tries` are the statuses of its runs."""
    last = status or tries[-1]
    return step(f"tasks.{name}", last, *tries, step_id=f"{{{message_id}}}", kind="task")


def published(name, status, *steps, message_id="id"):
    """One publish, and everything below it."""
    return execution(f"{{{message_id}}}", f"tasks.{name}", status, *steps)


ADDED = message("add", "success")
WANTED = {
    "success": [published("add", "success", ADDED)],
    "failure": [published("bad", "failed", message("bad", "failed"))],
    "retry": [published("flaky", "success", message("flaky", "failed", "failed", "success"))],
    "exhausted": [published("flaky", "failed", message("flaky", "failed", "failed", "failed"))],
    "timeout": [published("slow", "failed", message("slow", "failed"))],
    "chain": [published("add", "success", ADDED, message("add", "success", message_id="second"))],
    "group": [
        published("add", "success", ADDED),
        published(
            "add", "success", message("add", "success", message_id="second"), message_id="second"
        ),
    ],
    "ignored": [published("ignored", "skipped", message("ignored", "skipped"))],
    "rejected": [published("rejected", "cancelled", message("rejected", "cancelled"))],
    "subtasks": [
        published(
            "parent",
            "success",
            message("parent", "success"),
            message("add", "success", message_id="added"),
            message("flaky", "failed", "success", message_id="tried"),
        )
    ],
    "running": [
        published(
            "approval",
            "success",
            message("approval", "success"),
            message("add", "success", message_id="added"),
        )
    ],
}
# With links the runs of a message have traces of their own.
APART = ["success", "failure", "retry", "exhausted", "timeout", "group", "ignored", "rejected"]


def variables(live, shape):
    return {
        "LINKS": str(shape == "links").lower(),
        "BROKER": str(live.folder / f"broker-{shape}"),
        "PYTHONPATH": str(FOLDER),
    }


@pytest.fixture(scope="module")
def told(live):
    """The ids of all messages, whose tasks have ended by now."""
    python, given = environment("celery"), variables(live, "parents")
    with (
        live.running(python, *WORKER, **given) as worker,
        live.running(python, FOLDER / "publish.py", **given) as publisher,
    ):
        ids = publisher.ids("running", "id", "added")
        # The span of a run comes when it has ended: until then only its publish is told.
        live.wait_for([published("approval", "queued")], ids)
        live.wait_for_one(
            f"select execution_id from attempts where step_id = '{ids['added']}' and status = 'success'"
        )
        worker.open_gate()
        publisher.finish()
        worker.end(signal.SIGTERM)  # which waits for what runs, and sends the last spans
        yield publisher.told


@pytest.fixture(scope="module")
def told_apart(live):
    """The ids of messages of a worker that links its runs to their publishes."""
    python, given = environment("celery"), variables(live, "links")
    with (
        live.running(python, *WORKER, **given) as worker,
        live.running(python, FOLDER / "publish.py", **given) as publisher,
    ):
        publisher.finish()
        worker.end(signal.SIGTERM)
        yield publisher.told


@pytest.mark.parametrize("scenario", WANTED)
def test_what_celery_did_is_what_the_history_holds(live, told, scenario):
    """issue #5: names, ids, statuses and tries of unmodified Celery."""
    live.assert_holds(WANTED[scenario], told[scenario], f"celery.live-{scenario}")


@pytest.mark.parametrize("scenario", APART)
def test_runs_that_link_to_their_publish_are_found(live, told_apart, scenario):
    """issue #5: one execution over several traces, with use_span_links."""
    live.assert_holds(WANTED[scenario], told_apart[scenario], f"celery-links.live-{scenario}")


def test_a_chord_is_told_as_its_parts(live, told):
    """issue #5: what Celery publishes to itself to wait for them stands above the callback."""
    first, second = (published("add", "success", ADDED | {"id": i}) for i in ("{id}", "{second}"))
    live.assert_holds([first, second | {"id": "{second}"}], told["chord"])
    above = live.wait_for_one(
        f"select execution_id from attempts where step_id = '{told['chord']['total']}'"
    )
    total = message("total", "success", message_id="total")
    unlock = step("celery.chord_unlock", kind="task")
    live.assert_holds(
        [execution("{above}", "celery.chord_unlock", "success", unlock, total)],
        told["chord"] | {"above": above},
    )
