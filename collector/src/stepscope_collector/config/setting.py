"""What is known about one setting, and how a field of the tree says it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stepscope_collector.config import values
from stepscope_collector.config.rules import parse_rules
from stepscope_collector.config.target_values import parse_headers, parse_signals, parse_url

__all__ = ["Setting", "default_data_dir", "default_state_dir", "setting"]

Kind = Literal[
    "path",
    "address",
    "bytes",
    "s",
    "ms",
    "count",
    "choice",
    "url",
    "headers",
    "file",
    "directory",
    "signals",
    "bool",
    "url_path",
    "origins",
    "names",
    "rules",
]

_KIB = 2**10
_MIB = 2**20
_GIB = 2**30
_DAY_S = 86_400


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """`$XDG_DATA_HOME/stepscope`, with XDG's own default `~/.local/share` (R069).

    XDG: a relative value is to be ignored. `/var/lib/stepscope` for a user without a home.
    """
    named = environ.get("XDG_DATA_HOME", "")
    home = Path(named) if Path(named).is_absolute() else Path("~/.local/share")
    try:
        return home.expanduser() / "stepscope"
    except RuntimeError:  # a user without a home, as in containers
        return Path("/var/lib/stepscope")


def default_state_dir(environ: Mapping[str, str]) -> Path | None:
    """`$XDG_STATE_HOME/stepscope`, for what is no history: XDG's default is `~/.local/state`.

    None for a user without a home.
    """
    named = environ.get("XDG_STATE_HOME", "")
    home = Path(named) if Path(named).is_absolute() else Path("~/.local/state")
    try:
        return home.expanduser() / "stepscope"
    except RuntimeError:
        return None


@dataclass(frozen=True)
class Setting:
    """What is known about one setting."""

    key: str
    """Key in TOML, `section.name`."""
    kind: Kind
    default: Any
    """None for the data directory: it depends on the environment."""
    effect: str
    why: str
    """Reason of the default, and what 0 means where 0 is allowed."""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    short_flag: str | None = None
    """A flag shorter than the one made from the key."""

    @property
    def variable(self) -> str:
        """Name of the environment variable."""
        return "STEPSCOPE_" + self.key.upper().replace(".", "_")

    @property
    def flag(self) -> str:
        """Flag of `stepscope serve`."""
        return self.short_flag or "--" + self.key.replace(".", "-").replace("_", "-")

    def parse(self, value: object, *, base: Path) -> Any:
        """The value in the setting's type; ValueError says what is wrong with it."""
        parsed = self._read(value, base)
        if self.minimum is not None and parsed < self.minimum:
            raise ValueError(f"is {self.show(parsed)}; the least is {self.show(self.minimum)}")
        if self.maximum is not None and parsed > self.maximum:
            raise ValueError(f"is {self.show(parsed)}; the most is {self.show(self.maximum)}")
        return parsed

    def show(self, value: Any) -> str:
        """The value with its unit, in a form that `parse` reads back to the same value.

        But for headers, of which only the names are shown.
        """
        if self.kind == "bytes":
            for unit, size in (("GiB", _GIB), ("MiB", _MIB), ("KiB", _KIB)):
                if value and value % size == 0:
                    return f"{value // size}{unit}"
        if self.kind == "s" and value > _DAY_S and value % _DAY_S == 0:
            return f"{value // _DAY_S:.0f}d"
        if self.kind in {"s", "ms"}:
            return f"{value:g}{self.kind}"
        if self.kind == "headers":
            return ",".join(f"{name}=…" for name, _ in value)
        if self.kind in {"signals", "origins", "names"}:
            return ",".join(value)
        if self.kind == "rules":
            return "; ".join(rule.text for rule in value)
        if self.kind == "bool":
            return str(value).lower()
        return str(value)

    def plain(self, value: Any) -> Any:
        """The value for programs: text, number or list, and no secret."""
        return self.show(value) if self.kind in {"path", "headers", "rules"} else value

    def _read(self, value: object, base: Path) -> Any:
        if self.kind == "path":
            return values.parse_path(value, base=base)
        if self.kind in {"file", "directory"}:
            return value if value == "" else str(values.parse_path(value, base=base))
        if self.kind == "choice":
            return values.parse_choice(value, self.choices)
        if self.kind in {"s", "ms"}:
            is_whole = isinstance(self.default, int)
            return values.parse_duration(value, self.kind, is_whole=is_whole)
        readers: dict[str, Callable[[object], Any]] = {
            "address": values.parse_address,
            "bool": values.parse_bool,
            "bytes": values.parse_bytes,
            "count": values.parse_count,
            "url": parse_url,
            "headers": parse_headers,
            "signals": parse_signals,
            "url_path": values.parse_url_path,
            "origins": values.parse_origins,
            "names": values.parse_names,
            "rules": parse_rules,
        }
        return readers[self.kind](value)


def setting(  # noqa: PLR0913 the columns of the reference page
    kind: Kind,
    default: Any,
    effect: str,
    why: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    flag: str | None = None,
) -> Any:
    """A field of a section; the default None is that of the data directory."""
    about = Setting("", kind, default, effect, why, minimum, maximum, choices, flag)
    if default is None:
        return field(
            default_factory=lambda: default_data_dir(os.environ), metadata={"setting": about}
        )
    return field(default=default, metadata={"setting": about})
