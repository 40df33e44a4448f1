"""DAGs of tasks that succeed, fail, are tried again, mapped, skipped, and start other DAGs."""

import os
import threading
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import dag, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

GATE = Path(os.environ["GATE"])
OPENED_S = 240
NOW = timedelta(seconds=0)


@task
def extract() -> int:
    return 3


@task
def load(rows: int) -> None: ...


@task
def bad(rows: int) -> None:
    raise ValueError(f"bad rows {rows}")


@task(retries=2, retry_delay=NOW)
def flaky() -> int:
    tried = get_current_context()["ti"].try_number
    if tried < 3:
        raise RuntimeError(f"try {tried}")
    return tried


@task(retries=1, retry_delay=NOW)
def hopeless() -> None:
    raise RuntimeError("never")


@task
def double(row: int) -> int:
    return 2 * row


@task
def skipped() -> None:
    raise AirflowSkipException


@task(retries=1, retry_delay=NOW)
def refused() -> None:
    raise AirflowFailException("not worth another try")


@task(execution_timeout=timedelta(seconds=1))
def slow() -> None:
    threading.Event().wait(OPENED_S)


@task
def wait_for_gate() -> None:
    pause = threading.Event()
    for _ in range(OPENED_S * 20):
        if GATE.exists():
            return
        pause.wait(0.05)
    raise TimeoutError("nobody opened the gate")


@dag(schedule=None)
def etl():
    load(extract())


@dag(schedule=None)
def etl_bad():
    load(bad(extract()))


@dag(schedule=None)
def etl_retry():
    flaky()


@dag(schedule=None)
def etl_hopeless():
    hopeless()


@dag(schedule=None)
def mapped():
    double.expand(row=[1, 2, 3])


@dag(schedule=None)
def either():
    skipped()
    extract()
    refused_or_slow = [refused(), slow()]
    del refused_or_slow


@dag(schedule=None)
def parent():
    TriggerDagRunOperator(
        task_id="start_etl", trigger_dag_id="etl", trigger_run_id="child-of-{{ run_id }}"
    )


@dag(schedule=None)
def approval():
    extract() >> wait_for_gate()


for each in (etl, etl_bad, etl_retry, etl_hopeless, mapped, either, parent, approval):
    each()
