"""What may be under way at one time, and from one sender in time."""

from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.admission import Admission, Quota


def test_bytes_that_are_read_and_bytes_of_requests_share_one_budget() -> None:
    """issue #4: one byte budget in flight for both transports."""
    admission = Admission(100)
    assert admission.hold(60)
    assert not admission.enter(41)
    assert admission.enter(40)
    assert not admission.hold(1)
    admission.release(60)
    assert admission.hold(60)
    assert admission.used() == (100, 1)


def test_a_sender_over_its_quota_waits_and_others_do_not() -> None:
    """OTLP: G7: ten seconds' worth at once, then as much as comes back."""
    now = 0.0
    quota = Quota(100, lambda: now)
    assert [quota.take("a", 600) for _ in range(3)] == [0, 0, 2]
    assert quota.take("b", 5000) == 0  # none is too large for good
    assert quota.take("b", 1) == 40
    now = 2.5
    assert quota.take("a", 100) == 0
    assert quota.take("a", 1) == 1


def test_without_a_quota_everybody_may_send() -> None:
    """ours: off by default."""
    quota = Quota(0)
    assert [quota.take("a", 1 << 40) for _ in range(3)] == [0, 0, 0]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 500), st.floats(0, 5))))
def test_nobody_gets_more_than_the_rate_the_burst_and_one_request(
    sent: list[tuple[str, int, float]],
) -> None:
    """OTLP: G7."""
    now = 0.0
    quota = Quota(100, lambda: now)
    taken = dict.fromkeys("abc", 0)
    for sender, size, pause in sent:
        now += pause
        if quota.take(sender, size) == 0:
            taken[sender] += size
    assert all(total <= 100 * now + 1000 + 500 for total in taken.values())
