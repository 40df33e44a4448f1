"""Rows for programs."""

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from stepscope_collector.present.text.formats import to_csv, to_json, to_ndjson, unique_names

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def test_csv_tells_null_from_empty_text():
    """ours: a CSV that loses the difference cannot be loaded back."""
    rows = [{"a": None, "b": "", "c": 'x"y,\nz'}, {"a": 1, "b": True, "c": [1, {"k": None}]}]
    assert to_csv(["a", "b", "c"], rows) == ('a,b,c\n,"","x""y,\nz"\n1,true,"[1,{""k"":null}]"\n')


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_csv_is_read_back_by_a_csv_reader(pairs):
    """ours: RFC 4180."""
    text = to_csv(["k", "v"], [{"k": key, "v": value} for key, value in pairs])
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["k", "v"],
        *([key, value] for key, value in pairs),
    ]


def test_ndjson_has_one_document_per_line():
    """ours: a line feed inside a value must not end the line."""
    rows = [{"a": "x\ny"}, {"a": "漢"}]
    text = to_ndjson(rows)
    assert text == '{"a":"x\\ny"}\n{"a":"漢"}\n'
    assert to_ndjson([]) == ""


def test_json_is_one_document_with_a_line_feed():
    """ours: files end with a line feed."""
    assert json.loads(to_json([{"a": 1}])) == [{"a": 1}]
    assert to_json({}).endswith("}\n")


def test_repeated_names_of_columns_become_different_keys():
    """ours: `select 1 as a, 2 as a` has two values; an object must not lose one."""
    assert unique_names(["a", "a", "b", "a"]) == ["a", "a_1", "b", "a_2"]
    assert unique_names(["a", "a", "a_1"]) == ["a", "a_2", "a_1"]
