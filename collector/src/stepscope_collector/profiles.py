"""The profiles of a collector: those that are shipped and the user's own, checked and compiled.

What a user wrote is tried before a span meets it: its TOML (`mapping/profile.py`), each expression
as text (`query/expressions.py`) and with its type (`store/profile_check.py`), and all of it over
one span in the very statements that will run. Whatever is wrong is an error that names the file.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from stepscope_collector.config import Settings, StoreConfig
from stepscope_collector.decode.batch import Plan
from stepscope_collector.decode.request import decode_request
from stepscope_collector.errors import BadRequest, ConfigError, QueryRefused, StepscopeError
from stepscope_collector.mapping.compile import CompiledMapping, compile_profiles
from stepscope_collector.mapping.group import NewDimensions, group_of
from stepscope_collector.mapping.profile import Profile, load_folder, load_shipped, with_own
from stepscope_collector.query.expressions import ExpressionGuard
from stepscope_collector.store import Connection, Database, EngineError
from stepscope_collector.store.commit import Committer
from stepscope_collector.store.group import Spans
from stepscope_collector.store.profile_check import check_expressions

__all__ = ["LoadedProfiles", "check_profiles", "load_mapping"]

logger = logging.getLogger(__name__)

_PARTS: Final = ("s", "parent_attributes", "parent_name")
"""Names that expressions over whole spans may use, beside the columns of `evidence`."""


class LoadedProfiles:
    """The profiles that are in force, and how reading them again went. Thread-safe.

    Raises:
        ConfigError: as `load_mapping`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reading = threading.Lock()
        self._error: StepscopeError | None = None
        self._loaded_s = time.time()
        self.mapping = load_mapping(settings)

    def reload(self, use: Callable[[CompiledMapping], None]) -> bool:
        """Read them again; on a mistake those before stay, and the log says why.

        Args:
            use: puts the new ones in force, or raises a StepscopeError.
        """
        with self._reading:  # a second one that is asked for meanwhile reads again
            try:
                mapping = load_mapping(self._settings)
                use(mapping)
            except StepscopeError as error:
                self._error = error
                logger.warning(
                    "profiles not read again, those before stay", extra={"error": error.message}
                )
                return False
            self.mapping, self._error, self._loaded_s = mapping, None, time.time()
            logger.info("profiles read again", extra={"count": len(mapping.profiles)})
            return True

    def note(self, work: Callable[[Callable[[Committer, Plan], None]], None]) -> None:
        """Have the writer keep what the profiles say of themselves, for those who ask the file.

        Args:
            work: runs something on the writer thread.
        """
        told, now = self.mapping.told(), datetime.now(UTC).replace(tzinfo=None)
        try:
            work(lambda committer, _: committer.note_profiles(told, now))
        except StepscopeError as error:  # whoever asks sees those of the last time
            logger.warning("profiles not noted", extra={"error": error.message})

    def report(self) -> dict[str, Any]:
        """What `stepscope doctor` shows."""
        profiles = self.mapping.profiles.values()
        folder = self._settings.profiles.path(self._settings.data.dir)
        loaded = datetime.fromtimestamp(self._loaded_s, UTC)
        report: dict[str, Any] = {
            "directory": None if folder is None else str(folder),
            "shipped": sum(each.is_shipped for each in profiles),
            "own": sorted(each.name for each in profiles if not each.is_shipped),
            "loaded_at": loaded.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        if self._error is not None:
            report["error"] = self._error.message
        return report


def load_mapping(settings: Settings) -> CompiledMapping:
    """The mapping of all profiles, the user's checked.

    Raises:
        ConfigError: the directory cannot be read, or a profile in it is wrong; it names the file,
            the key and what would be right.
    """
    folder = settings.profiles.path(settings.data.dir)
    shipped = load_shipped()
    if folder is None:
        return compile_profiles(shipped)
    if not folder.is_dir():
        raise ConfigError(
            f"profiles.dir={folder} is no directory", hint="make it, or leave the setting out"
        )
    own = load_folder(folder)
    together = with_own(shipped, own)
    with Database.open(None, StoreConfig()) as scratch:
        check_profiles(scratch.writer(), own, shipped)
    return compile_profiles(together)


def check_profiles(
    connection: Connection, own: Iterable[Profile], shipped: Iterable[Profile]
) -> None:
    """Nothing, when every expression is one that DuckDB takes and that can do no harm.

    Args:
        connection: the writer's of an empty database.
        own: those to check.
        shipped: the profiles that stand beside each of them.

    Raises:
        ConfigError: names the file and what is wrong.
    """
    ends = [each for each in shipped if each.name in ("stepscope", "otel")]
    guard = ExpressionGuard(connection)
    check_expressions(connection, [])  # makes the macros, and `evidence`
    whole = [*_columns(connection, "evidence"), *_PARTS]
    for profile in own:
        mapping = compile_profiles([profile, *ends])
        spans = _spans(mapping)
        connection.register("incoming_spans", spans.rows)
        try:
            columns = _columns(connection, "incoming_spans")
            for place, expression in mapping.expressions(profile.name):
                is_batch = profile.direct or place.endswith(": detect")
                _check(guard, place, expression, columns if is_batch else whole)
            check_expressions(connection, mapping.checks())
            connection.execute(mapping.detect_sql(spans.columns)).fetchall()
            connection.execute(mapping.select(profile.name, spans.columns, is_only=True)).fetchall()
            connection.execute(mapping.contributions([profile.name])).fetchall()
        except EngineError as error:
            said = " ".join(str(error).split("\n\n")[0].split())
            raise ConfigError(
                f"profile {profile.source} does not work as a whole: {said}"
            ) from error
        finally:
            connection.unregister("incoming_spans")


def _check(guard: ExpressionGuard, place: str, expression: str, columns: Collection[str]) -> None:
    try:
        guard.check(expression, columns)
    except (QueryRefused, BadRequest) as error:
        raise ConfigError(
            f"profile {place} is not right: {error.message}", hint=error.hint
        ) from error


def _columns(connection: Connection, table: str) -> list[str]:
    return [name for name, *_ in connection.execute(f"describe {table}").fetchall()]


def _spans(mapping: CompiledMapping) -> Spans:
    """One span with every attribute that the profiles ask for, as the decoder gives it."""
    span = {
        "traceId": "01" * 16,
        "spanId": "02" * 8,
        "name": "x",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        "attributes": [_attribute(key) for key in mapping.plan.span_keys],
    }
    resource = {"attributes": [_attribute(key) for key in mapping.plan.resource_keys]}
    request = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    batch = decode_request("traces", json.dumps(request).encode(), "json", mapping.plan)
    spans = group_of([batch], [], [], NewDimensions()).spans
    assert spans is not None
    return spans


def _attribute(key: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": "x"}}
