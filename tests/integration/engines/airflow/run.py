"""Airflow as `airflow standalone` starts it; runs DAGs and waits for their ends.

Airflow keeps everything in AIRFLOW_HOME. Its scheduler, API server and tasks send their spans where the
variables of OpenTelemetry say.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from socket import socket

HOME = Path("airflow").absolute()
WAIT_S = 240
RUNS = ["etl", "etl_bad", "etl_retry", "etl_hopeless", "mapped", "either", "parent"]


def tell(scenario: str, **ids: str) -> None:
    print(json.dumps({"scenario": scenario, **ids}), flush=True)


def free_port() -> int:
    with socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


PORT = free_port()
SETTINGS = {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(Path(__file__).parent / "dags"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
    "AIRFLOW__CORE__PARALLELISM": "2",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "true",
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{PORT}/execution/",
    "AIRFLOW__API__PORT": str(PORT),
    "AIRFLOW__API__HOST": "127.0.0.1",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "false",
    "AIRFLOW__TRACES__OTEL_ON": "true",
    "OTEL_TRACES_EXPORTER": "otlp_proto_http",  # "otlp" is gRPC here, whatever the protocol
    "OTEL_SERVICE_NAME": "airflow",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
}
os.environ.update(SETTINGS)
API = f"http://127.0.0.1:{PORT}"


def ask(method: str, path: str, body: object = None, token: str = "") -> dict:
    request = urllib.request.Request(
        API + path,
        None if body is None else json.dumps(body).encode(),
        {"content-type": "application/json", "authorization": f"Bearer {token}"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=30) as got:
        return json.loads(got.read())


def wait(what: str, is_there):
    """The first true answer; connections that are refused are waited for, too."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        try:
            if found := is_there():
                return found
        except (urllib.error.URLError, ConnectionError):
            pass
        time.sleep(0.3)
    raise TimeoutError(what)


def is_over(token: str, dag: str, run: str) -> bool:
    found = ask("GET", f"/api/v2/dags/{dag}/dagRuns/{run}", token=token)
    return found["state"] in ("success", "failed")


def main() -> None:
    HOME.mkdir()
    subprocess.run(["airflow", "db", "migrate"], check=True, stdout=sys.stderr)
    parts = [
        subprocess.Popen(["airflow", part], stdout=sys.stderr)
        for part in ("api-server", "dag-processor", "scheduler")
    ]
    try:
        token = wait("a token", lambda: ask("GET", "/auth/token")["access_token"])
        dags = {*RUNS, "approval"}
        wait(
            "all DAGs",
            lambda: (
                dags <= {each["dag_id"] for each in ask("GET", "/api/v2/dags", token=token)["dags"]}
            ),
        )
        for dag in (*RUNS, "approval"):
            run = f"manual__{dag}-1"
            ask(
                "POST",
                f"/api/v2/dags/{dag}/dagRuns",
                {"dag_run_id": run, "logical_date": None},
                token,
            )
            tell(dag, id=run)
            if dag != "approval":
                wait(run, partial(is_over, token, dag, run))
        child = "child-of-manual__parent-1"
        wait(child, partial(is_over, token, "etl", child))
        wait("approval", partial(is_over, token, "approval", "manual__approval-1"))
    finally:
        for part in reversed(parts):
            part.terminate()
        for part in parts:
            part.wait(60)


if __name__ == "__main__":
    main()
