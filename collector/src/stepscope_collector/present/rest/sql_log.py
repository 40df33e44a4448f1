"""Statements of users in numbers, and those that took long in the log."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from stepscope_collector.telemetry import Telemetry

__all__ = ["SqlLog"]

logger = logging.getLogger(__name__)

_MAX_TEXT: Final = 2000
"""Characters of a statement in the log."""


@dataclass(frozen=True, slots=True)
class SqlLog:
    """Takes note of statements that have ended."""

    telemetry: Telemetry
    slow_s: float
    """From this time on a statement stands in the log; 0: none does."""

    def ended(
        self,
        statement: str,
        params: Mapping[str, Any],
        *,
        who: str,
        rows: int,
        outcome: str,
        elapsed_s: float,
    ) -> None:
        """Count a statement.

        Args:
            statement: its text. What must not be seen in a log belongs into params.
            params: only their names are logged.
            who: address of the client, or the name it has shown.
            rows: of its answer, as far as it went.
            outcome: `ok`, `stopped`, or the code of the error.
            elapsed_s: seconds until the end of its answer.
        """
        self.telemetry.observe("stepscope_sql_duration_seconds", elapsed_s, outcome)
        if not self.slow_s or elapsed_s < self.slow_s:
            return
        self.telemetry.add("stepscope_slow_sql_total", 1)
        text = " ".join(statement.split())
        cut = text[: _MAX_TEXT - 1] + "…" if len(text) > _MAX_TEXT else text
        logger.warning(
            "slow statement",
            extra={
                "s": round(elapsed_s, 3),
                "rows": rows,
                "outcome": outcome,
                "who": who,
                "params": ",".join(sorted(params)),
                "sql": cut,
            },
        )
