"""What the JSON of each benchmark becomes on docs/performance.md: rows of a table."""

from collections.abc import Callable, Iterator
from typing import Any, Final

__all__ = ["TABLES"]

Rows = Iterator[dict[str, object]]


def _ingest(found: dict[str, Any]) -> Rows:
    for run in found["runs"]:
        yield {
            "shape": run["shape"],
            "protocol": run["protocol"],
            "senders": run["senders"],
            "spans per request": run["batch"],
            "spans/CPU-s": run["spans_per_cpu_s"],
            "spans/s": run["spans_per_s"],
            "bytes per span": run["bytes_per_span"],
            "random bytes": run["random_bytes_per_span"],
            "answers p50 ms": run["answer_ms"]["p50"],
            "p99 ms": run["answer_ms"]["p99"],
            "memory MB": run["memory_mb"],
        }


def _latency(found: dict[str, Any]) -> Rows:
    for run in found["runs"]:
        half = run["half_load"]
        yield {
            "protocol": run["protocol"],
            "spans/s": half["spans_per_s"],
            "p50 ms": half["answer_ms"]["p50"],
            "p99 ms": half["answer_ms"]["p99"],
            "greatest ms": half["answer_ms"]["max"],
        }


def _stages(found: dict[str, Any]) -> Rows:
    names = dict.fromkeys(name for run in found["runs"] for name in run["stages_ns_per_span"])
    for name in names:
        yield {
            "stage": name,
            **{
                f"{run['shape']}, ns per span": run["stages_ns_per_span"].get(name)
                for run in found["runs"]
            },
        }
    yield {
        "stage": "all",
        **{f"{run['shape']}, ns per span": run["cpu_ns_per_span"] for run in found["runs"]},
    }


def _decode(found: dict[str, Any]) -> Rows:
    for run in found["runs"]:
        native = run.get("native")
        yield {
            "request": run["kind"].replace("_", " "),
            "bytes per row": run["bytes_per_row"],
            "Python rows/s": run["python"]["rows_per_s"]["median"],
            "Rust rows/s": native and native["rows_per_s"]["median"],
            "ratio": run.get("ratio"),
        }


def _store(found: dict[str, Any]) -> Rows:
    for shape, variants in found["variants"].items():
        for name, figures in variants.items():
            yield {
                "spans": shape,
                "layout": name,
                "insert ns": figures["insert_ns"],
                "commit ns": figures["commit_ns"],
                "checkpoint ns": figures["checkpoint_ns"],
                "CPU to the one in use": figures["to_in_use"]["cpu"],
                "file bytes per span": figures["file_bytes"],
                "question ns per row": figures.get("question_ns"),
            }


def _query(found: dict[str, Any]) -> Rows:
    for size, run in found["executions"].items():
        for name, asked in run["asked"].items():
            sqlite = asked.get("sqlite")
            yield {
                "question": name.replace("_", " "),
                "executions": int(size),
                "p50 ms": asked["ours"]["p50_ms"],
                "p95 ms": asked["ours"]["p95_ms"],
                "SQLite p50 ms": sqlite and sqlite["p50_ms"],
                "times as fast": asked.get("times_as_fast"),
            }
        for name, figure in run["questions"].items():
            yield {
                "question": name,
                "executions": int(size),
                "p50 ms": figure["p50_ms"],
                "p95 ms": figure["p95_ms"],
            }


def _rollups(found: dict[str, Any]) -> Rows:
    for name, figure in found["questions"].items():
        yield {
            "question": name,
            "steps": found["steps"],
            "cells": found["cells"],
            "p50 ms": figure["p50_ms"],
            "p95 ms": figure["p95_ms"],
        }


def _mixed(found: dict[str, Any]) -> Rows:
    for half in ("alone", "with analysts"):
        yield {"": half, **{f"{name} ms": ms for name, ms in found[half]["answer_ms"].items()}}
    yield {"": "ratio of p99", "p99 ms": found["p99_ratio"]}


def _scale(found: dict[str, Any]) -> Rows:
    for run in found["runs"]:
        ratios = run.get("to_smallest")
        yield {
            "spans before": run["spans_before"],
            "CPU µs per span": run["cpu_us_per_span"],
            "to the smallest": ratios
            and f"{ratios['cpu_us_per_span']:.2f} ± {ratios['cpu_us_per_span_error']:.2f}",
            "start s": run["start_s"],
            "start without reading all s": run["start_unread_s"],
            "newest page ms": run["newest_page_ms"],
            "file bytes per span": run["file_bytes_per_span"],
            "memory at start MB": run["memory_at_start_mb"],
            "memory MB": run["memory_mb"],
        }


def _memory(found: dict[str, Any]) -> Rows:
    for minute in found["minutes"]:
        yield {
            "minute": minute["minute"],
            "resident MB": minute["resident_mb"],
            "greatest MB": minute["resident_most_mb"],
            "CPU µs per span": minute["cpu_us_per_span"],
            "open files": minute["files"],
            "threads": minute["threads"],
            "spans": minute["spans"],
            "file MB": minute["file_mb"],
        }
    yield {
        "minute": f"slope after {found['warm_up_minutes']:g} minutes, MB per hour",
        "resident MB": f"{found['slope_mb_per_hour']:,} ± {found['slope_error_mb_per_hour']:,}",
        "greatest MB": found["resident_mb"]["greatest"],
        "CPU µs per span": found["cpu_us_per_span"],
        "spans": found["spans"],
    }


def _short(reason: str) -> str:
    """The last line of a reason, without what a table cannot hold."""
    return reason.splitlines()[-1].strip().replace("|", "/")[:120]


def _peers(found: dict[str, Any]) -> Rows:
    for name, run in found["runs"].items():
        if "missing" in run:
            yield {"server": name, "does": f"not measured: {_short(run['missing'])}"}
            continue
        yield {
            "server": name,
            "does": run["does"],
            "an answer means": run["answer_means"],
            "senders": run["senders"],
            "spans": run["spans"],
            "spans/CPU-s": run["spans_per_cpu_s"],
            "spans/s": run["spans_per_s"],
            "CPU to the collector's": run.get("to_collector"),
            "answers p50 ms": run["answer_ms"]["p50"],
            "p99 ms": run["answer_ms"]["p99"],
            "memory MB": run["memory_mb"],
            "disk bytes per span": run["disk_bytes_per_span"],
        }


def _retention(found: dict[str, Any]) -> Rows:
    for name, answers in found["answer_ms"].items():
        yield {
            "answers": name,
            "p50 ms": answers["p50"],
            "p99 ms": answers["p99"],
            "max ms": answers["max"],
            "executions sent per s": answers.get("executions_per_s"),
        }
    rounds, sizes = found["rounds"], found["file_bytes"]
    yield {
        "answers": f"rounds: {rounds['count']} of {found['removed_per_s']} executions removed per s, "
        f"{rounds['above_100_ms']} above 100 ms; file {sizes['before'] / 1e6:.0f} MB, pruned "
        f"{sizes['pruned'] / 1e6:.0f}, compacted {sizes['compacted'] / 1e6:.0f}",
        "p99 ms": f"≤ {rounds['p99_at_most_ms']:.0f}",
        "max ms": rounds["longest_ms"],
    }


TABLES: Final[dict[str, Callable[[dict[str, Any]], Rows]]] = {
    "ingest": _ingest,
    "latency": _latency,
    "batches": _ingest,
    "stages": _stages,
    "decode": _decode,
    "store": _store,
    "query": _query,
    "rollups": _rollups,
    "mixed": _mixed,
    "scale": _scale,
    "memory": _memory,
    "retention": _retention,
    "peers": _peers,
}
"""By name of the section."""
