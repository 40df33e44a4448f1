"""`[[tee.to]]` in the TOML file: one table per endpoint; what it does not say is as in `[tee]`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from stepscope_collector.config.mistakes import parse, unknown
from stepscope_collector.config.setting import Setting
from stepscope_collector.config.targets import PER_TARGET, Target
from stepscope_collector.errors import ConfigError

__all__ = ["TABLES", "read_tables", "targets_of"]

TABLES: Final = "tee.to"


def read_tables(
    value: object, known: Mapping[str, Setting], path: Path
) -> tuple[dict[str, Any], ...]:
    """What each table says, in the types of the settings.

    Raises:
        ConfigError: not a list of tables, a name that does not exist, a wrong value.
    """
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise ConfigError(f"{TABLES} in {path} is {value!r}, not tables; write [[{TABLES}]]")
    return tuple(_read(table, known, path) for table in value)


def _read(table: Mapping[str, Any], known: Mapping[str, Setting], path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        if name == "name" and isinstance(value, str) and value:
            found[name] = value
        elif name in PER_TARGET:
            place = f"{TABLES}.{name} in {path}"
            found[name] = parse(known[f"tee.{name}"], value, place, path.parent)
        else:
            key = f"{TABLES}.{name}"
            names = [f"{TABLES}.{each}" for each in ("name", *PER_TARGET)]
            raise unknown(f"key {key!r} in {path}", key, names)
    if not found.get("endpoint"):
        raise ConfigError(f"a table {TABLES} in {path} has no endpoint; write http://HOST:PORT")
    return found


def targets_of(found: Mapping[str, tuple[Any, str]]) -> tuple[Target, ...]:
    """The endpoints of all tables.

    Raises:
        ConfigError: two have one name, or a certificate is without its key.
    """
    tables, _ = found.get(TABLES, ((), ""))
    shared = {name: found[f"tee.{name}"][0] for name in PER_TARGET}
    targets = []
    names = {"tee"} if shared["endpoint"] else set()
    for table in tables:
        name = table.get("name") or urlsplit(table["endpoint"]).netloc
        if name in names:
            raise ConfigError(f"two endpoints of the tee are named {name!r}; name them apart")
        names.add(name)
        targets.append(Target(**{**shared, **table, "name": name}))
    _check_pairs(found, targets)
    return tuple(targets)


def _check_pairs(found: Mapping[str, tuple[Any, str]], targets: list[Target]) -> None:
    pairs = [(section, found[f"{section}.cert_file"][0], found[f"{section}.key_file"][0])
             for section in ("tee", "telemetry")]  # fmt: skip
    pairs += [
        (f"{TABLES} {target.name!r}", target.cert_file, target.key_file) for target in targets
    ]
    for where, certificate, key in pairs:
        if bool(certificate) != bool(key):
            raise ConfigError(f"{where} has one of cert_file and key_file; give both or none")
