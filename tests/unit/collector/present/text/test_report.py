"""A document of names and values, as golden text."""

from stepscope_collector.present.text.report import report_text
from stepscope_collector.present.text.tables import Screen


def test_a_report_has_plain_values_first_then_sections_and_tables():
    """R107: doctor prints schema, versions, row counts, disk."""
    report = {
        "version": "0.1.0",
        "is_ready": True,
        "uptime_s": 1.5,
        "store": {
            "file_bytes": 3_145_728,
            "wal_bytes": 12,
            "path": "/data/x\x1b[m",
            "rows": {"spans": 7, "executions": 2},
            "left": None,
            "list": ["a", 1],
        },
        "tables": [{"name": "spans", "row_count": 7}, {"name": "log_records", "row_count": 10}],
        "empty": {},
    }
    assert report_text(report, Screen()) == (
        "  version   0.1.0\n"
        "  is ready  yes\n"
        "  uptime s  1.5\n"
        "\n"
        "store\n"
        "  file bytes  3145728 (3.0 MiB)\n"
        "  wal bytes   12\n"
        "  path        /data/x\\x1b[m\n"
        "  rows\n"
        "    spans       7\n"
        "    executions  2\n"
        "  left        -\n"
        '  list        ["a", 1]\n'
        "\n"
        "tables\n"
        "  NAME         ROW_COUNT\n"
        "  spans                7\n"
        "  log_records         10\n"
        "\n"
        "empty\n"
        "  none\n"
    )


def test_numbers_have_the_unit_of_their_name():
    """docs/vocabulary.md: a name ends with its unit."""
    assert (
        report_text({"wait_ns": 1_500_000, "n": False}, Screen())
        == "  wait ns  1.5 ms\n  n        no\n"
    )
