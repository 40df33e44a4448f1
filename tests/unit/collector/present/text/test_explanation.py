"""Why a span became what it is, as golden text."""

from stepscope_collector.present.text.explanation import explanation_text
from stepscope_collector.present.text.tables import Screen

SPAN = {
    "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "00000000000000e0", "name": "run\x1b",
    "started_at": "2026-03-01T13:05:09.100000000Z", "dialect": "jobs", "detected_by": "jobs",
    "role": "step", "role_reason": "role of rule any", "execution_id": "J",
    "execution_reason": "the span names it: field execution_id", "stored_execution_id": "J",
    "step_id": "load", "attempt": 2, "attempt_reason": "by time among the 2 of its step",
    "decides": ["status", "ended_at"],
    "candidates": [
        {"dialect": "jobs", "priority": 70, "source": "jobs.toml", "is_match": True,
         "reason": "it detects the span, first of all",
         "reads": {"scope_name": "x", "attr('job')": "J", "attr('no')": None}},
        {"dialect": "celery", "priority": 60, "source": "celery.toml", "is_match": False,
         "reason": "its condition is false for this span", "reads": {"scope_name": "x"}},
    ],
    "rules": [{"name": "any", "role": "step", "condition": "true", "is_match": True, "is_chosen": True}],
    "fields": [{"field": "step_id", "value": "load", "expression": "attr('x')", "by": "rule any"}],
}  # fmt: skip


def test_every_decision_stands_with_its_reason():
    """issue #5: stepscope explain-span, text and json."""
    assert explanation_text({"spans": [SPAN]}, Screen()) == (
        "Span 00000000000000e0 run\\x1b\n"
        "  dialect    jobs\n"
        "  role       step: role of rule any\n"
        "  execution  J: the span names it: field execution_id\n"
        "  step       load\n"
        "  attempt    2: by time among the 2 of its step\n"
        "  decides    status, ended_at of the execution\n"
        "\n"
        "Detection, in the order in which profiles are asked\n"
        "  PROFILE  PRIORITY  WHY                                READS\n"
        "  jobs           70  it detects the span, first of all  scope_name = x; attr('job') = J; 1 absent\n"
        "  1 more do not detect it, and read no attribute that it has\n"
        "\n"
        "Rules\n"
        "  RULE  ROLE  MET     WHEN\n"
        "  any   step  chosen  true\n"
        "\n"
        "Fields\n"
        "  FIELD    VALUE  BY        EXPRESSION\n"
        "  step_id  load   rule any  attr('x')\n"
    )


def test_a_profile_that_changed_since_is_told_with_the_remedy():
    """issue #5: what is stored stays until a remap."""
    text = explanation_text({"spans": [SPAN | {"detected_by": "celery"}]}, Screen())
    assert "  dialect    jobs when it came; now celery would map it: stepscope remap\n" in text
