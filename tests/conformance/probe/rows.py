"""The rows of the checklist: their level, what they ask for, and why some cannot be seen from outside."""

import tomllib
from pathlib import Path
from typing import Final

__all__ = ["ABOUT", "LEVELS", "LEVEL_NAMES", "NOT_VISIBLE", "STATES"]

LEVEL_NAMES: Final = {
    "M": "must in OTLP",
    "S": "should in OTLP",
    "R": "recommended by OTLP",
    "m": "may in OTLP",
    "x": "practice: what real clients need",
}

_MUST: Final = "C1 C2 C4 C5 C7 C8 C9 C10 C11 C17 C23 G2 G5 H5 H6 H9 H10 H11 H12 H13 H15 H17 H28"
_MUST_JSON: Final = "J1 J2 J3 J4 J5 J6 J14"
_SHOULD: Final = "C3 C6 C12 C13 G6 G7 G10 G13 H3 H16 H22"
_MAY: Final = "C18 C21 H2 H4 H20"

_ROWS: Final[dict[str, dict[str, str]]] = tomllib.loads(
    Path(__file__).parent.with_name("rows.toml").read_text(encoding="utf-8")
)

STATES: Final = {row: fields["state"] for row, fields in _ROWS.items()}
"""Row → covered or later, by our own tests."""

ABOUT: Final = {row: fields["about"] for row, fields in _ROWS.items()}
"""Row → what it asks for, in the order of the checklist."""

LEVELS: Final[dict[str, str]] = dict.fromkeys(ABOUT, "x") | {
    row: level
    for level, rows in {
        "M": f"{_MUST} {_MUST_JSON}",
        "S": _SHOULD,
        "R": "G3 G8",
        "m": _MAY,
    }.items()
    for row in rows.split()
}
"""Row → key of LEVEL_NAMES."""

NOT_VISIBLE: Final = {
    "C21": "needs another configuration",
    "C22": "needs the server killed",
    "G6": "needs an overload",
    "G7": "needs a quota",
    "G10": "needs an overload",
    "G15": "needs another configuration",
    "G19": "needs the server stopped",
    "G20": "needs certificates",
    "G21": "needs a look inside",
    "H16": "needs an overload",
    "H17": "needs a broken disk",
    "H24": "needs to know the timeouts",
}
"""Rows without a check, and why."""
