"""A running collector leaves what its start has made out of garbage collection."""

import gc

from stepscope_collector.service import _seldom_collected


def test_while_it_runs_the_garbage_collector_comes_seldom_and_then_as_before():
    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    with _seldom_collected():
        assert gc.get_threshold()[0] > thresholds[0]
        assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == thresholds
    assert gc.get_freeze_count() == 0
