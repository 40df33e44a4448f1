"""The spool between a program that cannot reach its collector and the next one that can."""

import os
import signal
import subprocess
import sys

from tests.integration.exporter.receiver import attributes, running_receiver

PROGRAM = """
import logging, stepscope, sys
stepscope.configure()
@stepscope.step
def part(n, password="hunter2-canary"): return n
@stepscope.workflow
def work():
    logging.getLogger("x").warning("password=hunter2-canary")
    for n in range(50): part(n)
work()
"""


def run(endpoint, spool, program=PROGRAM, *arguments):
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=30, check=True,
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "STEPSCOPE_SPOOL_DIR": str(spool)},
    )  # fmt: skip


def names(receiver):
    return sorted(
        span.name for span in receiver.spans if "stepscope.live.phase" not in attributes(span)
    )


def test_the_next_program_delivers_what_the_last_could_not(tmp_path):
    """issue #3: kept and sent by the next process, once."""
    for _ in range(2):
        run("http://127.0.0.1:1", tmp_path)
    kept = [path.read_bytes() for path in tmp_path.iterdir()]
    assert kept
    assert b"hunter2-canary" not in b"".join(kept)
    with running_receiver() as receiver:
        run(receiver.endpoint, tmp_path)
        assert names(receiver) == sorted((["part"] * 50 + ["work"]) * 3)
        assert len(receiver.log_requests) >= 1
    assert list(tmp_path.iterdir()) == []


def test_flush_delivers_without_a_program(tmp_path):
    """issue #3: or by `stepscope-exec flush`."""
    run("http://127.0.0.1:1", tmp_path)
    flush = "from stepscope._exec import main; import sys; sys.exit(main(['flush']))"
    with running_receiver() as receiver:
        done = run(receiver.endpoint, tmp_path, flush)
        assert names(receiver) == ["part"] * 50 + ["work"]
    assert "52 spans and log records sent" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_program_killed_while_the_collector_is_away_leaves_a_readable_spool(tmp_path):
    """issue #3: after kill -9."""
    program = """
import stepscope, time
stepscope.configure(limits=None)
n = 0
while True:
    with stepscope.workflow("w"): n += 1
    time.sleep(0.001)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "STEPSCOPE_SPOOL_DIR": str(tmp_path)},
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert "kept on disk" in process.stderr.readline()
    while len(list(tmp_path.glob("*.otlp"))) < 2:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    with running_receiver() as receiver:
        run(
            receiver.endpoint,
            tmp_path,
            "import stepscope; stepscope.configure(); stepscope.flush()",
        )
        found = names(receiver)
    assert set(found) == {"w"}
    assert list(tmp_path.glob("*.otlp")) == []


def test_a_folder_that_cannot_be_written_is_not_said_to_keep_anything(tmp_path):
    """issue #3: one warning with what to do, and it is true."""
    (tmp_path / "file").write_text("", "utf-8")
    program = """
import stepscope
stepscope.configure("http://127.0.0.1:1", protocol="http/protobuf", flush_timeout_s=0.5)
with stepscope.workflow("w"): pass
stepscope.shutdown()
counters = stepscope.status().counters
print(counters.spooled, counters.lost > 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "STEPSCOPE_SPOOL_DIR": str(tmp_path / "file" / "spool")},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "0 True\n")
    assert "does not answer" in done.stderr
    assert "kept on disk" not in done.stderr
