"""Live markers and heartbeats of what is still open."""

import threading

import stepscope
from stepscope import testing


def test_open_spans_are_marked_with_their_own_identity():
    """design section 3: a zero-length child with the open span's name and attributes."""
    with testing.capture(is_fixed=False, live_delay_s=0.02, heartbeat_s=60) as recorded:
        with stepscope.workflow("w", tags=["t"]) as execution:
            execution.record("stepscope.input", {"big": 1})
            with stepscope.step("s") as s:
                markers = recorded.wait_for_markers(2)
            spans = {span.name: span for span in recorded.spans}
    by_name = {marker.name: marker for marker in markers}
    open_step, marker = spans["s"], by_name["s"]
    assert marker.start_ns == marker.end_ns
    assert marker.parent_id == open_step.span_id
    assert marker.trace_id == open_step.trace_id
    assert marker.attributes["stepscope.live.phase"] == "started"
    assert marker.attributes["stepscope.live.start_time_unix_nano"] == s.start_ns
    assert marker.attributes["stepscope.live.parent_span_id"] == open_step.parent_id
    identity = {key: text for key, text in marker.attributes.items() if ".live." not in key}
    assert identity.items() <= open_step.attributes.items()
    assert identity["stepscope.span.role"] == "step"
    root = by_name["w"].attributes
    assert "stepscope.live.parent_span_id" not in root
    assert root["stepscope.tags"] == ("t",)
    assert "stepscope.input" not in root


def test_heartbeats_follow_while_a_span_stays_open():
    """design section 3: started once, then heartbeats."""
    with testing.capture(is_fixed=False, live_delay_s=0.01, heartbeat_s=0.02) as recorded:
        with stepscope.workflow("w"):
            markers = recorded.wait_for_markers(4)
    phases = [marker.attributes["stepscope.live.phase"] for marker in markers]
    assert phases[0] == "started"
    assert set(phases[1:]) == {"heartbeat"}


def test_heartbeats_carry_the_progress_of_their_time():
    """issue #3: progress(done, total) while it runs."""
    with testing.capture(is_fixed=False, live_delay_s=0.01, heartbeat_s=0.02) as recorded:
        with stepscope.workflow("w"):
            stepscope.progress(1, 4)
            key = "stepscope.progress.done"
            assert recorded.wait_for(
                lambda: any(marker.attributes.get(key) == 1 for marker in recorded.markers)
            )


def test_short_steps_and_short_executions_send_no_marker():
    """issue #3: zero cost for short steps."""
    with testing.capture(is_fixed=False, live_delay_s=60, heartbeat_s=60) as recorded:
        for _ in range(50):
            with stepscope.workflow("short"), stepscope.step("s"):
                pass
        with stepscope.workflow("long"):
            for _ in range(50):
                with stepscope.step("s"):
                    pass
            recorded.wait_for_markers(1)
    names = [marker.name for marker in recorded.markers]
    assert "s" not in names
    assert names.count("long") == 1


def test_one_thread_serves_all_executions():
    """issue #3: from one background thread."""
    before = {thread.name for thread in threading.enumerate()}
    with testing.capture(is_fixed=False, live_delay_s=0.01, heartbeat_s=60) as recorded:
        managers = [stepscope.workflow(f"w{number}") for number in range(5)]
        for manager in managers:
            manager.__enter__()
        recorded.wait_for_markers(5)
        names = [thread.name for thread in threading.enumerate()]
        for manager in reversed(managers):
            manager.__exit__(None, None, None)
    assert names.count("stepscope-live") == 1 + ("stepscope-live" in before)


def test_attempts_are_marked_with_their_shared_identity():
    """R118: a retried step is visible while it is tried again."""
    gate = threading.Event()
    answers = iter([OSError("first")])

    @stepscope.step(retry=stepscope.Retry(attempts=3, delay_s=0))
    def flaky():
        for error in answers:
            raise error
        assert gate.wait(5)

    @stepscope.workflow
    def work():
        flaky()

    with testing.capture(is_fixed=False, live_delay_s=0.02, heartbeat_s=60) as recorded:
        thread = threading.Thread(target=work)
        thread.start()
        markers = recorded.wait_for_markers(2)
        gate.set()
        thread.join()
    marker = next(marker for marker in markers if marker.name == "flaky")
    assert marker.attributes["stepscope.step.attempt"] == 2
    assert marker.attributes["workflow.task.id"] == recorded.steps[0].span_id
