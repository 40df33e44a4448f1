"""The page of one execution holds what was sent as text, and nothing that a browser would run or fetch."""

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.export.page import MAX_LOGS, MAX_TEXT, MAX_VALUES, page
from tests.integration.cli import history
from tests.unit.collector.portable.store import fill, parsed, store

TAGS = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "span", "strong", "section",
    "dl", "dt", "dd", "pre", "details", "summary", "table", "thead", "tbody", "tr", "th", "td", "div",
}  # fmt: skip
VOID = {"meta"}
ATTRIBUTES = {"class", "style", "lang", "charset", "http-equiv", "content", "name", "open"}
STYLE = re.compile(r"(left:[\d.]+%;width:[\d.]+%|padding-left:[\d.]+rem)\Z")
CLASS = re.compile(r"[a-z_ ]+\Z")

HOSTILE = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title></pre></td><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)\" x='",
    "' style='background:url(https://evil.example/x)",
    "javascript:alert(1)",
    "<!--", "-->", "<![CDATA[", "&lt;b&gt; &amp; &#60;script&#62;",
    "<svg/onload=alert(1)>", "<base href=https://evil.example/>",
    "{{constructor.constructor('alert(1)')()}}",
    "\u202eelif.exe", "a\x00b", "\u2066x\u2069",
]  # fmt: skip


class Reader(HTMLParser):
    """Checks the page as it goes, and keeps its text."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.texts, self.classes = [], [], []

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name in ATTRIBUTES, (tag, name)
            assert name != "style" or STYLE.match(value), value
            assert name != "class" or CLASS.match(value), value
            self.classes += value.split() if name == "class" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def handle_pi(self, data):
        raise AssertionError(f"an instruction: {data}")

    def unknown_decl(self, data):
        raise AssertionError(f"a declaration: {data}")


def read(written):
    """The texts of a page, which must be one that is closed and harmless."""
    reader = Reader()
    reader.feed(written)
    reader.close()
    assert reader.open == []
    assert written.count("<style") == written.count("</style") == 1
    style = written[written.index("<style") : written.index("</style")]
    assert not re.search(r"url|@import|expression|src", style)
    assert "default-src 'none'" in written
    return reader


def visible(text):
    """What stands for hidden characters."""
    return re.sub(r"[\x00\u202e\u2066\u2069]", lambda m: f"\\u{ord(m[0]):04x}", text)


def document_with(text):
    """A document that has the text in every place that a sender fills."""
    row = dict.fromkeys(
        ("step_id", "step_name", "step_type", "error_type", "error_message", "error_stack",
         "status_native", "workflow_name", "execution_id", "execution_name", "workflow_version",
         "project", "user_id", "trigger_type", "dialect", "service_name", "param_name",
         "param_value", "kind", "key", "body", "severity_text", "event_name", "root_execution_id"),
        text,
    )  # fmt: skip
    row |= {
        "status": text, "started_at": "2026-03-01T13:05:09.1Z", "ended_at": None, "queued_at": None,
        "last_seen_at": "2026-03-01T13:05:10Z", "duration_ns": None, "attempt": 2, "size_bytes": 1,
        "max_attempts": 3, "span_id": "1", "parent_span_id": "1", "is_truncated": True,
        "sequence": 0, "logged_at": None, "tags": [text], "parent_execution_id": None,
    }  # fmt: skip
    parts = ("steps", "attempts", "logs", "params", "payloads")
    return {"execution": row, **{part: [row] for part in parts}}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_text(text):
    """R094: a self-contained HTML file; hostile names do nothing in it."""
    reader = read(page(document_with(text)))
    assert sum(visible(text) in each for each in reader.texts) >= 15
    assert "unknown" in reader.classes or re.fullmatch("[a-z_]+", text)


@given(text=st.text(max_size=60))
def test_any_text_gives_a_whole_page(text):
    """R094: whatever a sender wrote."""
    read(page(document_with(text)).encode("utf-8").decode())


@pytest.fixture(scope="module")
def filled():
    with store() as found:
        fill(found)
        yield found


def test_the_page_tells_error_steps_attempts_params_and_logs(filled):
    """R094: opens offline; R028: where it failed, with which input, how long each step took."""
    written = filled.export("html", ids=("exec-b2-failed",)).decode()
    texts = " ".join(read(written).texts)
    for expected in ("etl", "failed", "ValueError: bad row", 'File "etl.py", line 3', "700 ms"):
        assert expected in texts
    assert "In step  load , attempt 1." in texts
    texts = " ".join(read(filled.export("html", ids=("exec-a1-ok",)).decode()).texts)
    for expected in (
        "nightly, eu",
        "line 2",
        '{"day":"2026-02-28"}',
        "attempt 2",
        "attempt 1 of 3",
    ):
        assert expected in texts


def test_bars_stand_where_the_attempts_were(filled):
    """R139: a waterfall in the order of time."""
    written = filled.export("html", ids=("exec-a1-ok",)).decode()
    places = re.findall(r"left:([\d.]+)%;width:([\d.]+)%", written)
    assert places == [("0.000", "25.000"), ("25.000", "20.000"), ("50.000", "50.000")]


def test_the_page_refers_to_nothing_outside(filled):
    """R094: no network reference at all."""
    for execution_id in ("exec-a1-ok", "exec-d4-bare", "exec-c3-child"):
        written = filled.export("html", ids=(execution_id,)).decode()
        assert not re.search(r"https?:|//|src=|href=|<script|<link|@import|url\(", written)
        assert "prefers-color-scheme: dark" in written


def test_long_lists_and_values_are_cut_and_say_so():
    """ours: a browser has to open it."""
    document = document_with("x")
    document["logs"] = document["logs"] * (MAX_LOGS + 1)
    document["payloads"] = [{**document["payloads"][0], "body": "y" * (MAX_TEXT + 1)}]
    written = page(document)
    texts = " ".join(read(written).texts)
    assert f"The last {MAX_LOGS} of {MAX_LOGS + 1} log records; a bundle holds all." in texts
    assert f"({MAX_TEXT + 1} characters in all" in texts
    assert len(written) < 3 * MAX_LOGS * 200


def test_all_values_together_have_a_bound():
    """ours: a browser has to open it, however many large values there are."""
    document = document_with("x")
    large = {**document["payloads"][0], "body": "y" * MAX_TEXT}
    document["payloads"] = [large] * (MAX_VALUES // MAX_TEXT + 7)
    written = page(document)
    assert "7 values are left out; a bundle holds all." in " ".join(read(written).texts)
    assert written.count("y" * MAX_TEXT) == MAX_VALUES // MAX_TEXT


def test_a_page_is_of_one_execution(filled):
    """R094: export run <id>."""
    with pytest.raises(BadRequest, match="holds one execution, more are chosen"):
        filled.export("html")
    with pytest.raises(BadRequest, match="holds one execution, none are chosen"):
        filled.export("html", filters={"workflow": "nobody"})
    assert b"nightly-report" in filled.export("html", filters={"workflow": "nightly-report"})


def test_hostile_data_comes_through_the_whole_way(tmp_path):
    """R094: from the wire to the file."""
    text = HOSTILE[2]
    spans = [
        history.execution(0xE5, "exec-evil", text, 0, 100, stepscope__params=json.dumps({text: text}),
                          error=(text, text), stack=text),
        history.step(0xE5, "exec-evil", 2, text, 0, 100, error=(text, text), stack=text),
    ]  # fmt: skip
    scope = {"scope": {"name": "stepscope"}, "spans": spans}
    with store() as into:
        into.take("traces", parsed("traces", {"resourceSpans": [{"scopeSpans": [scope]}]}))
        reader = read(into.export("html", ids=("exec-evil",)).decode())
    assert sum(text in each for each in reader.texts) >= 8
