"""Has DuckDB read the expressions of profiles, before a span meets them."""

from collections.abc import Iterable
from typing import Final

from stepscope_collector.errors import ConfigError
from stepscope_collector.store.engine import Connection, EngineError
from stepscope_collector.store.statements import Prepared

__all__ = ["PROFILE_MACROS", "check_expressions"]

PROFILE_MACROS: Final = ("fold/profile_word", "fold/profile_json", "fold/profile_time")
"""SQL macros that expressions of profiles may call."""


def check_expressions(connection: Connection, selects: Iterable[tuple[str, str]]) -> None:
    """Check expressions of profiles against the columns that spans have.

    Args:
        connection: a cursor of its own; temporary macros and tables are made on it.
        selects: where the expression stands, for messages, and a select of it over `evidence` or
            over columns of its own.

    Raises:
        ConfigError: DuckDB refuses one; says where it stands and what DuckDB says of it.
    """
    sql = Prepared(connection)
    for macro in PROFILE_MACROS:
        sql.run(macro)
    sql.run("fold/no_evidence")
    for place, select in selects:
        try:
            connection.execute(select).fetchall()
        except EngineError as error:
            said = " ".join(str(error).split("\n\n")[0].split())
            raise ConfigError(f"profile {place} is not right: {said}") from error
