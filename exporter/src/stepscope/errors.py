"""Errors the exporter raises on purpose.

StepscopeError
└── MisuseError      a decorator, policy or setting that cannot work; raised where it is written

Nothing here is ever raised while a watched function runs.
"""

__all__ = ["MisuseError", "StepscopeError"]


class StepscopeError(Exception):
    """Base of every error raised by Stepscope."""


class MisuseError(StepscopeError):
    """A declaration that cannot work, such as a retry policy on a generator."""
