"""Child workflows with parallel steps in threads."""

import stepscope

SALES = {"north": [120, 80, 95], "south": [60, 75], "west": [200, 10, 40, 50]}


@stepscope.step
def add_up(region: str, month: int) -> int:
    return SALES[region][month]


@stepscope.workflow(project="reports")
def region_report(region: str) -> int:
    months = range(len(SALES[region]))
    with stepscope.Executor(max_workers=4) as threads:
        return sum(threads.map(lambda month: add_up(region, month), months))


@stepscope.step
def publish(totals: dict[str, int]) -> str:
    best = max(totals, key=lambda region: totals[region])
    return f"best region: {best}"


@stepscope.workflow(version="7", trigger="manual", tags=["monthly"], project="reports", user="ada")
def company_report(regions: list[str]) -> str:
    with stepscope.Executor(max_workers=3) as threads:
        totals = dict(zip(regions, threads.map(region_report, regions), strict=True))
    return publish(totals)


if __name__ == "__main__":
    stepscope.configure()
    print(f"{len(SALES)} child executions ran; {company_report(sorted(SALES))}")
