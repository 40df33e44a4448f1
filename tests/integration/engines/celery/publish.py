"""Publishes one scenario after the other, and waits for its end before the next."""

import os
import sys
import time
from uuid import uuid4

from celery import chain, chord, group
from opentelemetry import trace
from tasks import (
    add,
    approval,
    bad,
    flaky,
    ignored,
    parent,
    rejected,
    slow,
    tell,
    total,
    trace_here,
)

WAIT_S = 60


def end_of(result):
    """Wait until a task has a final state, which may be a failure."""
    deadline = time.monotonic() + WAIT_S
    while not result.ready() and time.monotonic() < deadline:
        time.sleep(0.05)
    return result


trace_here()
tell("success", id=end_of(add.delay(1, 2)).id)
tell("failure", id=end_of(bad.delay()).id)
tell("retry", id=end_of(flaky.delay(3)).id)
tell("exhausted", id=end_of(flaky.delay(9)).id)
tell("timeout", id=end_of(slow.delay()).id)

both = group(add.s(n, n) for n in (1, 2)).apply_async()
tell("group", **{name: end_of(each).id for name, each in zip(("id", "second"), both, strict=True)})

tell("ignored", id=ignored.delay().id)
tell("rejected", id=rejected.delay().id)

trace.get_tracer_provider().force_flush()
if os.environ["LINKS"] == "true":
    # A task that another one publishes then has a trace of its own: what is above it is not told.
    sys.exit()

second = end_of(chain(add.s(1, 2), add.s(10)).apply_async())
tell("chain", id=second.parent.id, second=second.id)

callback = end_of(chord([add.s(n, n) for n in (1, 2)])(total.s()))
first, second = callback.parent
tell("chord", id=first.id, second=second.id, total=callback.id)

called = end_of(parent.delay())
tell("subtasks", id=called.id, **called.get())

added = str(uuid4())
waiting = approval.delay(added)
tell("running", id=waiting.id, added=added)
end_of(waiting)
trace.get_tracer_provider().shutdown()
