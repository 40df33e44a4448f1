"""Asks a live collector everything its OpenAPI document allows, and what it forbids; what `make api-fuzz` runs.

    python -m tests.api_fuzz SCHEMATHESIS EXAMPLES [FLAG]…

SCHEMATHESIS is the command, FLAGs go to it as they are (such as `--seed 1`). First with made-up ids, then
with those of executions that are there. Found is: an answer of 5xx but 503, a status, media type or
body that the document does not declare, a method that is not refused, forbidden data that is taken,
and an error in the collector's log. Exits 1 if there is anything; if not, a file or a pipe gets one line
for each round, and only a terminal all that Schemathesis says.

Not asked is whether all that the document allows is taken: it cannot say what a filter, a time or a
statement is, and every one that is none is refused.
"""

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from tests.integration.collector.process import Collector

__all__ = ["main"]

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,negative_data_rejection,"
    "unsupported_method,allow_header_conformance"
)
PHASES = "examples,coverage,fuzzing", "examples,fuzzing"
"""Of the first and the second round."""
CONFIG = """
[parameters]
id = "run-2"
left = "run-2"
right = "run-3"
"""
"""What the second round puts for parameters of these names."""


def main(arguments: list[str]) -> int:
    """Run both rounds; the exit code."""
    schemathesis, (examples, *flags) = str(Path(arguments[0]).absolute()), arguments[1:]
    with tempfile.TemporaryDirectory() as folder:
        collector = Collector(Path(folder) / "data", log_level="warning")
        try:
            base = f"http://{collector.endpoints.web}"
            _post(base, 1)
            command = [
                schemathesis, "run", f"{base}/openapi.json", "--checks", CHECKS, "--phases", PHASES[0],
                "--no-color", "--max-examples", examples, "--continue-on-failure",
                "--generation-database", "none", "--suppress-health-check", "all",
                *flags,
            ]  # fmt: skip
            codes = [_round(command, folder)]
            # What was there may be deleted by now, and stays so.
            config = Path(folder) / "second.toml"
            config.write_text(CONFIG, "utf-8")
            _post(base, 2)
            _post(base, 3)
            command[command.index(PHASES[0])] = PHASES[1]
            command[1:1] = ["--config-file", str(config)]
            command += ["--exclude-method", "DELETE", "--exclude-operation-id", "prune"]
            codes.append(_round(command, folder))
        finally:
            code = collector.terminate()
        said = collector.said()
    sys.stderr.write(said)
    is_good = codes == [0, 0] and code == 0 and " error " not in said and "Traceback" not in said
    return 0 if is_good else 1


def _round(command: list[str], folder: str) -> int:
    """Run the command; its exit code."""
    if sys.stdout.isatty():
        return subprocess.run(command, cwd=folder, check=False).returncode
    done = subprocess.run(
        command,
        cwd=folder,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    counts = re.search(r"^ *(\d+ generated, .*)$", done.stdout, re.MULTILINE)
    seed = re.search(r"^Seed: \d+$", done.stdout, re.MULTILINE)
    if done.returncode or not counts or not seed:
        sys.stdout.write(done.stdout)
    else:
        print(f"{counts[1]}. {seed[0]}", flush=True)
    return done.returncode


def _document(number: int) -> dict[str, Any]:
    return {
        "id": f"run-{number}", "workflowId": "wf", "status": "error",
        "startedAt": f"2026-03-0{number}T10:00:00Z", "completedAt": f"2026-03-0{number}T10:00:03Z",
        "trigger": {"type": "http", "data": {"order": number}},
        "error": {"message": "declined", "stack": "Traceback"},
        "nodeExecutions": [
            {"nodeId": node, "status": "error", "startedAt": f"2026-03-0{number}T10:00:01Z",
             "durationMs": 500, "input": {"n": 1}, "error": {"message": "declined"}}
            for node in ("load", "charge")
        ],
    }  # fmt: skip


def _post(base: str, number: int) -> None:
    request = urllib.request.Request(
        f"{base}/api/executions",
        json.dumps(_document(number)).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
