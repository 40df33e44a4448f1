import json
import re
import shlex
from pathlib import Path

import httpx
import pytest

from stepscope_collector.present.rest.routes import ROUTES
from stepscope_collector.query.filters import FIELDS

PAGE = (Path(__file__).parents[3] / "docs" / "rest.md").read_text("utf-8")
COMMANDS = [
    command
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)
    for command in block.replace("\\\n", " ").splitlines()
]


def run(client: httpx.Client, command: str) -> httpx.Response:
    """What curl would do, on the port of the test."""
    words = shlex.split(command)
    assert words[:2] == ["curl", "-s"]
    url = next(word for word in words if word.startswith("http")).removeprefix(
        "http://127.0.0.1:4319"
    )
    headers = dict(words[n + 1].split(": ") for n, word in enumerate(words) if word == "-H")
    if "--get" in words:
        given = [words[n + 1] for n, word in enumerate(words) if word in {"-d", "--data-urlencode"}]
        params = {name: value for name, _, value in (text.partition("=") for text in given)}
        return client.get(url, params=params, headers=headers)
    if "-d" in words:
        return client.post(url, content=words[words.index("-d") + 1], headers=headers)
    return client.get(url, headers=headers)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_example_has_an_answer(client: httpx.Client, command: str) -> None:
    """ours: documents are true."""
    response = run(client, command)
    if "stauts" in command:
        shown = re.search(r"^```json\n(.*?)^```", PAGE, re.M | re.S)
        assert shown is not None
        assert response.json() == json.loads(shown[1])
        return
    assert response.status_code == 200, response.text
    # Nothing in the history is of the last day.
    if "24h" not in command:
        assert response.text.count("\n") > 1 or any(response.json().values())


def test_the_page_speaks_of_every_endpoint_and_filter() -> None:
    """ours: documents are whole."""
    assert len(COMMANDS) >= 8
    for route in ROUTES:
        assert f"`{route.method} {route.path}`" in PAGE
    for name in FIELDS:
        assert f"`{name}`" in PAGE
