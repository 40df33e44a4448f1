"""The power fails at any moment: what was acknowledged is there, whatever the disk kept of the rest."""

import os
import random
import shutil
from dataclasses import replace

import pytest

from stepscope_collector.store.aside import files_aside
from stepscope_collector.store.files import backlog_directory
from tests.faults.disk.crash import SYNC, UNLINK, WRITE, Op, leave, read_journal
from tests.faults.disk.shim import Disk, build
from tests.faults.load import check_holds
from tests.unit.collector.taking import taking

CRASHES = int(os.environ.get("FAULT_CRASHES", "30" if os.environ.get("CI") else "12"))
WAIT_S = 60

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


def op(kind, path="/d/a", to="", offset=0, data=b"", length=0):
    return Op(kind, 0, path, to, offset, data, length or len(data))


def left(ops, tmp_path, rng=None):
    shutil.rmtree(tmp_path / "left", ignore_errors=True)
    (tmp_path / "left").mkdir()
    leave(ops, len(ops), tmp_path / "left", rng)
    return {path.name: path.read_bytes() for path in (tmp_path / "left").iterdir()}


def test_the_model_of_the_disk_forgets_what_was_not_synced(tmp_path):
    """ours: a model that keeps everything would find nothing."""
    create, first, sync, second = op(1), op(WRITE, data=b"one"), op(SYNC), op(WRITE, data=b"TWO")
    assert left([create, first], tmp_path) == {}
    assert left([create, first, sync], tmp_path) == {"a": b"one"}
    assert left([create, first, sync, second], tmp_path) == {"a": b"one"}
    removed = [create, first, sync, op(UNLINK)]
    assert left(removed, tmp_path) == {"a": b"one"}
    assert left([*removed, op(SYNC, path="/d")], tmp_path) == {}
    # the name of the new file takes the place of the old one when the new one is synced
    again = [*removed, op(1), op(WRITE, data=b"new")]
    assert left(again, tmp_path) == {"a": b"one"}
    assert left([*again, sync], tmp_path) == {"a": b"new"}
    both = {left([create, first, sync, second], tmp_path, random.Random(n))["a"] for n in range(40)}
    assert both == {b"one", b"TWO"}


def moments(ops, rng):
    """Numbers of operations after which the power fails: in each checkpoint, many around syncs, some anywhere."""
    amid = [n for n, each in enumerate(ops) if each.kind == SYNC and each.path.endswith(".duckdb")]
    syncs = [n for n, each in enumerate(ops) if each.kind in {SYNC, UNLINK}]
    near = [
        n + rng.choice([0, 1])
        for n in rng.sample(syncs[:-1], min(len(syncs) - 1, CRASHES * 2 // 3))
    ]
    return sorted(amid * 2 + near + [rng.randrange(len(ops)) for _ in range(CRASHES - len(near))])


@pytest.mark.timeout(120 + 4 * CRASHES)
def test_what_was_acknowledged_survives_the_loss_of_power(tmp_path, load):
    """issue #4: writes after the last fsync discarded, or kept in parts and torn: nothing that was
    acknowledged before is lost, nothing is there twice, and nothing is called damage."""
    data, journal = tmp_path / "data", tmp_path / "journal"
    with Disk(build(tmp_path), data, journal) as disk:
        # with a small log, checkpoints are among the moments
        collector = disk.start(store_checkpoint_threshold_bytes="1MiB")
        try:
            load.resume(collector.endpoints)
            while checkpoints(journal) < 3:
                for _ in range(10):
                    load.wait_for_more(load.acknowledged(), WAIT_S)
        finally:
            collector.kill()
    load.give_up()
    ops = read_journal(journal)
    assert {"stepscope.duckdb", "stepscope.duckdb.wal", "stepscope.duckdb.lock"} <= {
        each.path.rpartition("/")[2] for each in ops if each.kind == SYNC
    }
    first_mark = next(n for n, each in enumerate(ops) if each.kind == SYNC and "lock" in each.path)
    rng = random.Random(int(os.environ.get("FAULT_SEED", "4")))
    for count in moments(ops, rng):
        seed = rng.randrange(2**32)
        for how in (None, random.Random(seed)):
            where = f"after {count} of {len(ops)}, seed {seed}, torn: {how is not None}"
            path = fail_power(ops, count, tmp_path / "left", how)
            # A file that was never finished is set aside like a broken one.
            assert count <= first_mark or files_aside(path) == [], where
            try:
                check_holds(path.parent, promised(load, ops, count))
            except AssertionError as error:
                raise AssertionError(f"{where}: {error}") from error
    assert any(sees_loss(load, ops, count, tmp_path / "left") for count in full_logs(ops))


def full_logs(ops):
    """Numbers of operations at which the log is long: the last one, and before checkpoints."""
    unlinked = [n for n, each in enumerate(ops) if each.kind == UNLINK]
    written = [n for n, each in enumerate(ops) if each.kind == SYNC and each.path.endswith(".wal")]
    return [len(ops) - 1, *(max(n for n in written if n < end) + 1 for end in reversed(unlinked))]


def sees_loss(load, ops, count, directory):
    """Whether the check notices when the log and its mark are never synced."""
    unsynced = [
        replace(each, kind=WRITE, length=0)
        if each.kind == SYNC and each.path.endswith((".wal", ".lock", ".requests"))
        else each
        for each in ops
    ]
    path = fail_power(unsynced, count, directory, None)
    try:
        check_holds(path.parent, promised(load, ops, count))
    except AssertionError:
        return True
    return False


def checkpoints(journal):
    """How often the log was moved into the file so far."""
    return sum(each.kind == UNLINK for each in read_journal(journal))


def promised(load, ops, count):
    """Batches each sender was promised before operation number `count`."""
    return [sum(at < ops[count].begun_ns for at in each.answered_ns) for each in load.senders]


def fail_power(ops, count, directory, how):
    """Leave the files after so many operations, start on them and stop; the database."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    leave(ops, count, directory, how)
    path = directory / "stepscope.duckdb"
    with taking(path, backlog=backlog_directory(path)):
        return path
