"""The queue on disk: what is published is read once and in order, whatever happens between."""

import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepscope_collector.tee.journal import Journal, Place, Record
from stepscope_collector.tee.record import HEAD_BYTES, packed, unpacked
from stepscope_collector.tee.segment import Segment, records_in

MIB = 2**20


def record(body=b"x", rows=1, signal="traces"):
    return Record(signal, "protobuf", body, rows, "aa,bb", 5)


def read_all(journal, place, reader="one"):
    """Everything from a place on: bodies, the place behind, and rows known to be lost."""
    bodies, lost = [], 0
    while True:
        segment, place, gone = journal.open(reader, place)
        lost += sum((gone or {}).values())
        sequence, first, offset = place
        end = journal.published_end(first)
        while (found := segment.read(offset, end)) is not None:
            one, offset = found
            assert one.sequence == sequence
            sequence += 1
            bodies.append(one.body)
        segment.close()
        following = journal.next_segment(first)
        place = Place(sequence, following if following else first, 0 if following else offset)
        if following is None:
            return bodies, place, lost


@given(
    st.sampled_from(["traces", "logs", "metrics"]), st.sampled_from(["protobuf", "json"]),
    st.binary(max_size=50), st.integers(0, 2**32 - 1), st.text(max_size=5),
    st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1),
)  # fmt: skip
def test_a_record_survives_the_disk_and_no_torn_one_does(
    signal, encoding, body, rows, via, received_ns, sequence
):
    """ours: the bytes come back as they were, or not at all."""
    made = Record(signal, encoding, body, rows, via, received_ns, sequence)
    whole = b"".join(packed(made, sequence))
    head, rest = whole[:HEAD_BYTES], whole[HEAD_BYTES:]
    assert unpacked(head, rest) == (made, len(whole))
    assert made.size == len(whole)
    assert unpacked(head[:-1], rest) is None
    if rest:
        assert unpacked(head, rest[:-1]) is None
        assert unpacked(head, bytes([rest[0] ^ 1]) + rest[1:]) is None


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["publish", "publish", "discard", "reopen", "tear", "read"]),
        st.lists(st.integers(0, 9000), min_size=1, max_size=4),
    ),
    max_size=25,
)


@settings(max_examples=max(20, settings.default.max_examples // 2))
@given(steps=STEPS)
def test_readers_see_what_was_published_once_and_in_order(tmp_path_factory, steps):
    """issue #4: durable, at least once, in order; here exactly once, since the places are kept."""
    folder = tmp_path_factory.mktemp("tee")
    journal, place = Journal(folder, 100 * MIB), Place(1, 1, 0)
    published, seen, number = [], [], 0
    for what, sizes in steps:
        if what == "read":
            bodies, place, lost = read_all(journal, place)
            seen += bodies
            assert lost == 0
            journal.release()
            assert len(list(folder.glob("*.requests"))) >= 1
            continue
        bodies = []
        for size in sizes:
            number += 1
            bodies.append(b"%d:" % number + b"b" * size)
        journal.append([record(body) for body in bodies])
        if what == "publish":
            journal.publish()
            published += bodies
            continue
        if what == "discard":
            journal.discard()
            continue
        journal.close()
        if what == "tear":
            # the crash came while this was written: its last record is cut
            last = max(folder.glob("*.requests"))
            os.truncate(last, last.stat().st_size - 1)
            bodies = bodies[:-1]
        journal = Journal(folder, 100 * MIB)
        # nobody knows whether the store has committed it: it is sent
        published += bodies
    assert journal.waiting(place)[0] == len(published) - len(seen)
    bodies, place, _ = read_all(journal, place)
    assert seen + bodies == published
    assert journal.waiting(place) == (0, 0)
    journal.close()


def test_files_go_when_every_reader_is_past_them(tmp_path):
    """ours: the queue takes space only for what somebody still needs."""
    journal = Journal(tmp_path, MIB)
    start = journal.end()
    for _ in range(5):
        journal.append([record(b"b" * 50_000)] * 3)
        journal.publish()
    assert len(list(tmp_path.iterdir())) > 2
    journal.open("slow", start)[0].close()
    _, end, _ = read_all(journal, start, "quick")
    journal.release()
    segment, place, lost = journal.open("slow", start)
    segment.close()
    assert (place, lost) == (start, None)
    _, end, _ = read_all(journal, start, "slow")
    journal.release()
    assert len(list(tmp_path.iterdir())) == 1
    assert journal.waiting(end) == (0, 0)
    journal.close()


def test_over_the_limit_the_oldest_goes_and_its_rows_are_known(tmp_path):
    """issue #4: size cap, the oldest dropped and counted."""
    journal = Journal(tmp_path, MIB)
    start = journal.end()
    journal.open("one", start)[0].close()
    for n in range(60):
        journal.append([record(b"%d:" % n + b"b" * 50_000, rows=n)])
        journal.publish()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= MIB
    bodies, end, lost = read_all(journal, start)
    numbers = [int(body.partition(b":")[0]) for body in bodies]
    assert numbers == list(range(numbers[0], 60))
    assert numbers[0] > 30
    assert lost == sum(range(numbers[0]))
    assert journal.waiting(end) == (0, 0)
    journal.close()


def test_a_file_that_is_being_read_can_be_read_to_its_end_when_it_is_dropped(tmp_path):
    """ours: the endpoint loses no more than it must."""
    journal = Journal(tmp_path, MIB)
    segment, place, _ = journal.open("one", journal.end())
    for n in range(60):
        journal.append([record(b"%d:" % n + b"b" * 50_000)])
        journal.publish()
    assert journal.published_end(place.segment) is None
    assert segment.read(0, 2**62)[0].body.startswith(b"0:")
    segment.close()
    journal.close()


def test_a_full_disk_leaves_the_queue_as_it_was(tmp_path, monkeypatch):
    """ours: what could not be synced is not there."""
    journal = Journal(tmp_path, MIB)
    start = journal.end()
    journal.append([record(b"first")])
    journal.publish()

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        with pytest.raises(OSError, match="No space"):
            journal.append([record(b"lost")])
    journal.append([record(b"second")])
    journal.publish()
    assert read_all(journal, start)[0] == [b"first", b"second"]
    journal.close()


def test_who_waits_wakes_for_a_record_and_for_the_end(tmp_path):
    """ours: a forwarder neither spins nor sleeps on."""
    journal, stop = Journal(tmp_path, MIB), threading.Event()
    found = []
    waiting = threading.Thread(target=lambda: found.append(journal.wait(1, stop)))
    waiting.start()
    journal.append([record()])
    journal.publish()
    waiting.join(20)
    ending = threading.Thread(target=lambda: found.append(journal.wait(2, stop)))
    ending.start()
    stop.set()
    journal.wake()
    ending.join(20)
    assert found == [True, False]
    journal.close()


def test_what_was_changed_on_disk_is_not_read(tmp_path):
    """ours: a flipped bit is the end of what can be read of a file."""
    journal = Journal(tmp_path, MIB)
    journal.append([record(b"aaaa"), record(b"bbbb")])
    journal.publish()
    journal.close()
    (path,) = tmp_path.glob("*.requests")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert [one.body for one, _ in records_in(path)] == [b"aaaa"]
    segment = Segment(path, 1)
    _, second = segment.read(0, len(content))
    assert segment.read(second, len(content)) is None
    segment.close()


def test_a_reader_goes_on_when_somebody_has_removed_the_files(tmp_path):
    """ours: what comes after must not be taken for what has been sent."""
    journal = Journal(tmp_path, MIB)
    journal.append([record(b"old")] * 5)
    journal.publish()
    place = read_all(journal, Place(1, 1, 0))[1]
    journal.close()
    for path in tmp_path.iterdir():
        path.unlink()
    journal = Journal(tmp_path, MIB)
    segment, place, _ = journal.open("one", place)
    segment.close()
    assert place == journal.end()
    journal.append([record(b"new")])
    journal.publish()
    assert read_all(journal, place)[0] == [b"new"]
    journal.close()
