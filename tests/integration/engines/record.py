"""What an engine has sent, as OTLP/JSON that the ordinary suite can read: `make engines RECORD=FOLDER`."""

import json
import re
import socket
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from stepscope_collector.decode.otlp_json import to_json
from stepscope_collector.query.otlp import read_traces_whole
from tests.integration.collector.process import stored
from tests.integration.engines.environments import ROOT

__all__ = ["record"]

_FOREVER_NS: Final = (1 << 64) - 1
_NAMELESS: Final = (
    "host.name",
    "process.command_args",
    "process.executable.path",
    "os.description",
)


def record(
    data: Path, folder: Path, recordings: dict[str, list[dict[str, Any]]], scratch: Path
) -> None:
    """Write each recording, and what it holds into expected.json.

    Args:
        data: data directory of a collector that has stopped.
        folder: for the files NAME.json.
        recordings: executions by name of the recording.
        scratch: a folder whose name must not stand in them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    expected = folder / "expected.json"
    known = json.loads(expected.read_text(encoding="utf-8")) if expected.exists() else {}
    with stored(data) as connection:
        for name, wanted in recordings.items():
            ids = [each["id"] for each in wanted]
            traces = connection.execute(
                "select distinct trace_id::uuid from spans where execution_id in $ids order by all",
                {"ids": ids},
            ).fetchall()
            found = [UUID(str(trace)) for (trace,) in traces]
            message = read_traces_whole(connection, found, 0, _FOREVER_NS)
            for each in message.resource_spans:
                kept = [one for one in each.resource.attributes if one.key not in _NAMELESS]
                del each.resource.attributes[:]
                each.resource.attributes.extend(kept)
            text = json.dumps(to_json(message), separators=(",", ":"))
            (folder / f"{name}.json").write_text(_nameless(text, scratch), encoding="utf-8")
            known[f"{name}.json"] = {"executions": wanted}
    expected.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")


def _nameless(text: str, scratch: Path) -> str:
    """The same without names of this machine and of its folders."""
    for path in (scratch, ROOT):
        text = text.replace(f"{path}/", "")
    text = re.sub(r"/[^\"\s]*?/(site-packages|node_modules)/", r"\1/", text)
    text = re.sub(r"/[^\"\s]*?/lib/python3\.\d+/", "/usr/lib/python3/", text)
    return text.replace(socket.gethostname(), "host")
