"""asyncio: steps that run at the same time keep their execution."""

import asyncio

import stepscope

PAGES = {"/": ["/news", "/about"], "/news": ["/news/1"], "/about": [], "/news/1": []}


@stepscope.step
async def fetch(path: str) -> list[str]:
    await asyncio.sleep(0.01)
    return PAGES[path]


@stepscope.step
async def links(paths: list[str]):
    for path in paths:
        await asyncio.sleep(0)
        yield path


@stepscope.workflow(project="search", trigger="event")
async def crawl(start: str) -> int:
    seen, queue = {start}, [start]
    while queue:
        found = await asyncio.gather(*(fetch(path) for path in queue))
        queue = sorted({path for page in found for path in page} - seen)
        async for path in links(queue):
            seen.add(path)
    async with stepscope.step("write index") as write:
        await asyncio.sleep(0.01)
        write.set_output({"pages": len(seen)})
    return len(seen)


if __name__ == "__main__":
    stepscope.configure()
    print(f"{asyncio.run(crawl('/'))} pages crawled")
