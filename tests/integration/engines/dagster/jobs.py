"""Dagster jobs and assets whose steps dagster-otel traces; it exports each span as its step ends."""

import json
import os
import threading
from pathlib import Path

from dagster import (
    DagsterInstance,
    Definitions,
    DynamicOut,
    DynamicOutput,
    In,
    Nothing,
    Out,
    Output,
    ReexecutionOptions,
    RetryPolicy,
    RunRequest,
    asset,
    build_sensor_context,
    define_asset_job,
    execute_job,
    job,
    multiprocess_executor,
    op,
    reconstructable,
    sensor,
)
from dagster_otel import traced, traced_sensor

GATE = Path(os.environ["GATE"])
OPENED_S = 120


def tell(scenario: str, **ids: str) -> None:
    print(json.dumps({"scenario": scenario, **ids}), flush=True)


@op
@traced
def extract(context) -> int:
    return 3


@op
@traced
def transform(context, rows: int) -> int:
    return 2 * rows


@op
@traced
def load(context, rows: int) -> None: ...


@op
@traced
def merge(context, left: int, right: int) -> int:
    return left + right


@op
@traced
def bad(context, rows: int) -> int:
    raise ValueError(f"bad rows {rows}")


@op(retry_policy=RetryPolicy(max_retries=2))
@traced
def flaky(context) -> int:
    if context.retry_number < 2:
        raise RuntimeError(f"try {context.retry_number + 1}")
    return context.retry_number


@op(retry_policy=RetryPolicy(max_retries=2))
@traced
def hopeless(context) -> int:
    raise RuntimeError(f"try {context.retry_number + 1}")


@op(out=DynamicOut(int))
@traced
def split(context):
    for n in range(3):
        yield DynamicOutput(n, mapping_key=str(n))


@op
@traced
def double(context, row: int) -> int:
    return 2 * row


@op
@traced
def total(context, rows: list) -> int:
    return sum(rows)


@op(out={"small": Out(int, is_required=False), "large": Out(int, is_required=False)})
@traced
def branch(context):
    yield Output(1, "small")


@op
@traced
def repaired(context, rows: int) -> int:
    if not Path("repaired").exists():
        raise OSError("the disk is full")
    return rows


@op(ins={"after": In(Nothing)})
@traced
def wait_for_gate(context) -> None:
    pause = threading.Event()
    for _ in range(OPENED_S * 20):
        if GATE.exists():
            return
        pause.wait(0.05)
    raise TimeoutError("nobody opened the gate")


@job
def etl() -> None:
    load(transform(extract()))


@job
def etl_bad() -> None:
    load(bad(extract()))


@job
def etl_retry() -> None:
    flaky()


@job
def etl_hopeless() -> None:
    load(hopeless())


@job
def fan_in() -> None:
    load(merge(transform.alias("left")(extract()), transform.alias("right")(extract())))


@job
def mapped() -> None:
    total(split().map(double).collect())


@job
def either() -> None:
    small, large = branch()
    load.alias("load_small")(small)
    load.alias("load_large")(large)


@job
def again() -> None:
    load(repaired(extract()))


@job
def approval() -> None:
    wait_for_gate(after=extract())


@job(executor_def=multiprocess_executor.configured({"max_concurrent": 1}))
def processes() -> None:
    load(transform(extract()))


@asset
@traced
def raw_orders(context) -> int:
    return 3


@asset
@traced
def orders(context, raw_orders: int) -> int:
    return raw_orders


@sensor(job=etl)
@traced_sensor()
def new_files(context):
    yield RunRequest(run_key="file-1")


def main() -> None:
    Path("instance").mkdir()
    with DagsterInstance.local_temp(tempdir=str(Path("instance").absolute())) as instance:

        def run(scenario: str, chosen, **options) -> None:
            done = chosen.execute_in_process(instance=instance, raise_on_error=False, **options)
            tell(scenario, id=done.run_id)

        run("success", etl)
        run("failure", etl_bad)
        run("retry", etl_retry)
        run("exhausted", etl_hopeless)
        run("fan-in", fan_in)
        run("mapped", mapped)
        run("skipped", either)
        assets = Definitions(
            assets=[raw_orders, orders], jobs=[define_asset_job("assets_job", "*")]
        )
        run("assets", assets.get_job_def("assets_job"))

        with build_sensor_context(instance=instance, sensor_name="new_files") as context:
            request = new_files.evaluate_tick(context).run_requests[0]
        run("sensor", etl, tags=dict(request.tags))

        with execute_job(reconstructable(processes), instance=instance) as done:
            tell("processes", id=done.run_id)

        with execute_job(reconstructable(again), instance=instance) as done:
            failed = done.run_id
        Path("repaired").touch()
        options = ReexecutionOptions.from_failure(failed, instance)
        with execute_job(
            reconstructable(again), instance=instance, reexecution_options=options
        ) as done:
            tell("again", failed=failed, id=done.run_id)

        run_id = "6e0f5d4e-0000-4000-8000-00000000abcd"
        tell("running", id=run_id)
        approval.execute_in_process(instance=instance, run_id=run_id)


if __name__ == "__main__":
    main()
