"""How long the history is kept."""

from dataclasses import dataclass
from typing import Final

from stepscope_collector.config.rules import Rule
from stepscope_collector.config.setting import setting as _setting

__all__ = ["RetentionConfig"]

_DAY_S: Final = 86_400
_MOST_S: Final = 100 * 366 * _DAY_S


@dataclass(frozen=True)
class RetentionConfig:
    """How long executions are kept. All of it ends for whole executions, never for single spans."""

    max_age_s: int = _setting(
        "s",
        0,
        "Executions that ended longer ago than this are removed, such as `30d`.",
        "0: never. Age alone removes nothing that nobody asked to have removed; `30d` suits most.",
        minimum=0,
        maximum=_MOST_S,
    )
    max_count: int = _setting(
        "count",
        0,
        "Newest executions that are kept of each workflow; older ones are removed.",
        "0: all.",
        minimum=0,
    )
    max_bytes: int = _setting(
        "bytes",
        20 * 10**9,
        "Size that the database file is to stay below with its log, such as `10GB`. At 85 % of it the oldest executions "
        "are removed, those that are kept longer last. 0: no limit; the disk is.",
        "A history must not fill a disk; this is about 200 million steps. The rest is for the write-ahead log and "
        "what a checkpoint writes.",
        minimum=0,
    )
    payload_max_age_s: int = _setting(
        "s",
        0,
        "Inputs, outputs, params and large attribute values of executions that ended longer ago than "
        "this are removed; the executions, their steps and errors stay.",
        "0: they stay as long as their execution. They are most of the bytes, and often the personal data.",
        minimum=0,
        maximum=_MOST_S,
    )
    failed_max_age_s: int = _setting(
        "s",
        0,
        "Executions that failed or timed out are kept this long, if that is longer than `max_age_s`.",
        "0: as long as the others.",
        minimum=0,
        maximum=_MOST_S,
    )
    slow_max_age_s: int = _setting(
        "s",
        0,
        "The slowest 1 % of each workflow's executions are kept this long, if that is longer.",
        "0: as long as the others.",
        minimum=0,
        maximum=_MOST_S,
    )
    sample_max_age_s: int = _setting(
        "s",
        0,
        "`sample_percent` of the successful executions are kept this long, if that is longer: something to "
        "compare failures with.",
        "0: as long as the others.",
        minimum=0,
        maximum=_MOST_S,
    )
    sample_percent: int = _setting(
        "count",
        1,
        "How many of a hundred successful executions `sample_max_age_s` is for; the id decides which.",
        "Enough to compare with.",
        minimum=0,
        maximum=100,
    )
    rules: tuple[Rule, ...] = _setting(
        "rules",
        (),
        "Other limits for some executions: a list of texts such as `workflow=etl-* status=success,skipped "
        "max_age=7d max_count=100 payload_max_age=1d`, in a variable or flag with semicolons. The first "
        "that fits an execution holds for it. `max_age=0` and `max_count=0`: no limit.",
        "None: the same for all.",
    )
    compact: bool = _setting(
        "bool",
        True,
        "The file is exchanged for one without free space when more than half of it, and 256 MiB, is free and the "
        "copy fits below `max_bytes` beside it, or it is larger than `max_bytes`.",
        "Only where something is removed at all. Commits wait for less than a second at its end; it needs space "
        "for the copy. `stepscope compact` does it at once.",
    )
    interval_s: float = _setting(
        "s",
        60.0,
        "How often a running server looks for what is to be removed.",
        "It works in rounds of about 60 ms between commits. 0: only `stepscope prune` removes anything.",
        minimum=0,
        maximum=_DAY_S,
    )
    deleted_known_s: int = _setting(
        "s",
        30 * _DAY_S,
        "How long it is remembered, as hashes, which executions were deleted: what comes of them later is "
        "dropped and counted.",
        "Longer than any sender keeps what it could not send.",
        minimum=0,
        maximum=_MOST_S,
    )

    @property
    def is_any(self) -> bool:
        """Whether anything is ever removed."""
        return bool(self.max_bytes) or self.is_any_but_bytes

    @property
    def is_any_but_bytes(self) -> bool:
        """Whether anything is ever removed for another reason than the size of the file."""
        return bool(
            self.max_age_s
            or self.max_count
            or self.payload_max_age_s
            or any(
                rule.max_age_s or rule.max_count or rule.payload_max_age_s for rule in self.rules
            )
        )
