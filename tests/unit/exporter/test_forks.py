"""A fork waits for a section of another thread, but not for ever."""

import os
import threading
from contextlib import contextmanager

from stepscope import _forks


def fork_and_exit() -> int:
    """The exit status of a forked child that ends at once."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    return os.waitpid(pid, 0)[1]


@contextmanager
def another_thread_in(section):
    """The thread, which is in the section until the block ends."""
    is_inside, may_end = threading.Event(), threading.Event()

    def work():
        with section:
            is_inside.set()
            may_end.wait(30)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert is_inside.wait(10)
        yield worker
    finally:
        may_end.set()
        worker.join(10)


def test_a_fork_waits_until_the_section_has_ended(monkeypatch):
    monkeypatch.setattr(_forks, "_WAIT_S", 30.0)
    section = _forks.Unforked()
    is_inside, has_forked = threading.Event(), threading.Event()
    seen_at_the_end = []

    def work():
        with section:
            is_inside.set()
            seen_at_the_end.append(has_forked.wait(0.2))

    worker = threading.Thread(target=work)
    worker.start()
    assert is_inside.wait(10)
    assert fork_and_exit() == 0
    has_forked.set()
    worker.join(10)
    assert seen_at_the_end == [False]
    with section:  # given back in the parent
        pass


def test_a_section_that_is_too_long_holds_one_fork_up_and_only_for_a_while(monkeypatch):
    monkeypatch.setattr(_forks, "_WAIT_S", 0.05)
    section = _forks.Unforked()
    with another_thread_in(section) as worker:
        assert fork_and_exit() == 0
        monkeypatch.setattr(_forks, "_WAIT_S", 30.0)
        assert fork_and_exit() == 0  # does not wait for the same section again
        assert worker.is_alive()
    with section:
        pass


def test_a_child_can_enter_a_section_that_its_parent_was_in(monkeypatch):
    monkeypatch.setattr(_forks, "_WAIT_S", 0.05)
    section = _forks.Unforked()
    with another_thread_in(section):
        pid = os.fork()
        if pid == 0:
            is_free = section._lock.acquire(timeout=5)
            os._exit(0 if is_free else 1)
        assert os.waitpid(pid, 0)[1] == 0
