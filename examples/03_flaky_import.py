"""A step that fails twice and then works, under a retry policy."""

import stepscope
from stepscope import Retry

ANSWERS = iter([ConnectionError("connection reset by peer"), TimeoutError("no answer in 30 s"), 3])


@stepscope.step(retry=Retry(attempts=5, on=(ConnectionError, TimeoutError), delay_s=0.05))
def download(url: str) -> list[dict[str, object]]:
    answer = next(ANSWERS)
    if isinstance(answer, Exception):
        raise answer
    return [{"id": number, "name": f"row {number}"} for number in range(answer)]


@stepscope.step
def store(rows: list[dict[str, object]]) -> int:
    return len(rows)


@stepscope.workflow(trigger="schedule", trigger_data={"cron": "0 3 * * *"}, project="warehouse")
def nightly_import(source: str) -> int:
    return store(download(f"https://{source}/export"))


if __name__ == "__main__":
    stepscope.configure()
    print(f"{nightly_import('customers.example')} rows imported after two retries")
