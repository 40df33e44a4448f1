"""Tables of the statistics."""

from datetime import UTC

import pytest

from stepscope_collector.present.text.statistics import _COLUMNS, statistic_table
from stepscope_collector.present.text.tables import Screen
from stepscope_collector.query.statistic_names import STATISTICS
from stepscope_schema.columns import relations


@pytest.mark.parametrize("name", STATISTICS)
def test_each_statistic_has_a_table_of_columns_there_are(name: str) -> None:
    """issue #7: each statistic on the command line shows columns of its view."""
    view = STATISTICS[name].view
    (relation,) = (r for r in relations() if (r.schema, r.name) == ("main", view))
    columns = [column.name for column in relation.columns]
    assert set(_COLUMNS[view]) <= set(columns)
    text = statistic_table(view, [dict.fromkeys(columns)], Screen())
    assert len(text.splitlines()) == 2


def test_a_table_shows_units_and_rates() -> None:
    """ours: times with offset, short durations, rates in percent, ratios with two digits."""
    row = {
        "workflow_id": "checkout", "change": "slower", "ratio": 1.5, "former_ns": 10**9,
        "recent_ns": 1_500_000_000.0, "since_at": "2026-07-24T10:00:00.000000000Z",
    }  # fmt: skip
    lines = statistic_table("workflow_regressions", [row], Screen(), UTC).splitlines()
    assert lines[0].split() == ["WORKFLOW", "ID", "CHANGE", "RATIO", "FORMER", "RECENT", "SINCE"]
    assert lines[1].split()[:3] == ["checkout", "slower", "1.50"]
    assert "1.50 s" in lines[1]
    assert "2026-07-24 10:00:00" in lines[1]
