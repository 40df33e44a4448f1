"""A wrong value or name becomes an error that says where it stands and what would be right."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stepscope_collector.config.setting import Setting
from stepscope_collector.errors import ConfigError

__all__ = ["parse", "unknown"]


def parse(setting: Setting, value: object, place: str, base: Path) -> Any:
    """The value in the setting's type.

    Raises:
        ConfigError: it is none; names the place.
    """
    try:
        return setting.parse(value, base=base)
    except ValueError as error:
        raise ConfigError(f"{place} {error}") from error


def unknown(what: str, name: str, known: Iterable[str]) -> ConfigError:
    """The error for a name that is not among the known ones."""
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}?" if nearest else "stepscope config lists all settings"
    return ConfigError(f"unknown {what}", hint=hint)
