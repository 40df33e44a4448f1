"""Headers of export requests, from `OTEL_EXPORTER_OTLP_HEADERS` and from arguments.

One header that cannot be sent makes gRPC and `http.client` refuse every request. It is left out
with a warning that names where it stands; its value is a secret more often than not and is never shown.
"""

import logging
import re
import urllib.parse
from collections.abc import Iterable, Mapping
from typing import Final

from stepscope._settings import Protocol

__all__ = ["from_variable", "legal"]

logger = logging.getLogger("stepscope")
_NAMES: Final[Mapping[Protocol, re.Pattern[str]]] = {
    "grpc": re.compile(r"[0-9a-z_.-]+"),  # gRPC over HTTP/2, "Custom-Metadata"
    "http/protobuf": re.compile(r"[0-9a-z!#$%&'*+.^_`|~-]+"),  # RFC 9110, 5.1
}
_VALUES: Final[Mapping[Protocol, re.Pattern[str]]] = {
    "grpc": re.compile(r"[\x20-\x7e]*"),
    "http/protobuf": re.compile(r"[\t\x20-\x7e\x80-\xff]*"),
}


def from_variable(name: str, text: str, protocol: Protocol) -> dict[str, str]:
    """The headers in a variable: `name=value` pairs with commas between, values percent-encoded.

    Names come out in lower case.

    Args:
        name: of the variable, for the warning.
        text: its value.
        protocol: what is legal depends on it.
    """
    parts = [part for part in text.split(",") if part.strip()]
    pairs = (
        (key.strip() if sign else "", urllib.parse.unquote(value.strip()))
        for key, sign, value in (part.partition("=") for part in parts)
    )
    return {key.lower(): value for key, value in legal(name, pairs, protocol).items()}


def legal(origin: str, pairs: Iterable[tuple[str, str]], protocol: Protocol) -> dict[str, str]:
    """Those of the headers that can be sent; one warning for the others."""
    kept: dict[str, str] = {}
    wrong: list[str] = []
    for place, (given, value) in enumerate(pairs, 1):
        name = given.lower()
        if not _NAMES[protocol].fullmatch(name):
            # What stands there may be a value in the wrong place.
            wrong.append(f"the name of header {place}")
        elif protocol == "grpc" and name.endswith("-bin"):
            wrong.append(f"{name} (binary)")
        elif not _VALUES[protocol].fullmatch(value):
            wrong.append(f"the value of {name}")
        else:
            kept[given] = value
    if wrong:
        logger.warning(
            "stepscope: %s has what %s cannot send: %s; left out, everything else is sent. "
            "Write name=value,name=value with names of letters, digits, - and _",
            origin, "gRPC" if protocol == "grpc" else "HTTP", ", ".join(wrong),
        )  # fmt: skip
    return kept
