"""Retry policies: which errors are tried again, how often, and after what wait.

The waits are plain numbers made before anything sleeps, so a policy can be checked without a
clock: `Retry(attempts=4, delay_s=1, jitter=0).waits()` gives 1, 2, 4.
"""

import dataclasses
import random
from collections.abc import Iterator
from typing import Literal

from stepscope.errors import MisuseError

__all__ = ["Retry", "Strategy"]

Strategy = Literal["keep-trying", "fail-after-n", "exponential-backoff", "none"]

_random = random.Random()  # noqa: S311 - spreads retries, hides nothing


@dataclasses.dataclass(frozen=True, slots=True)
class Retry:
    """When a failed step is tried again.

    `attempts`: tries in all, the first included; None means keep trying for ever.
    `on`: the errors the policy expects; any other error ends the step at once.
    `delay_s`: wait after the first failure in seconds, multiplied by `backoff` after each further
    one, at most `max_delay_s`; `jitter` adds up to that share of the wait, at random.
    """

    attempts: int | None = 3
    on: type[BaseException] | tuple[type[BaseException], ...] = Exception
    delay_s: float = 0.1
    backoff: float = 2.0
    max_delay_s: float = 60.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if self.attempts is not None and self.attempts < 1:
            raise MisuseError(f"attempts={self.attempts} is below 1; use Retry.none() for one try")
        for field in ("delay_s", "max_delay_s", "jitter"):
            if getattr(self, field) < 0:
                raise MisuseError(f"{field}={getattr(self, field)} is below 0")
        if self.backoff < 1:
            raise MisuseError(f"backoff={self.backoff} is below 1; the wait would shrink")
        kinds: tuple[object, ...] = self.on if isinstance(self.on, tuple) else (self.on,)
        for kind in kinds:
            if not isinstance(kind, type) or not issubclass(kind, BaseException):
                raise MisuseError(f"on={kind!r} is no exception class")

    @classmethod
    def keep_trying(
        cls,
        delay_s: float = 1.0,
        on: type[BaseException] | tuple[type[BaseException], ...] = Exception,
    ) -> "Retry":
        """Try until it works, with the same wait each time."""
        return cls(None, on, delay_s, 1.0, max(delay_s, 60.0), 0.0)

    @classmethod
    def fail_after(
        cls,
        attempts: int,
        delay_s: float = 0.0,
        on: type[BaseException] | tuple[type[BaseException], ...] = Exception,
    ) -> "Retry":
        """Give up after this many tries, with the same wait between them."""
        return cls(attempts, on, delay_s, 1.0, max(delay_s, 60.0), 0.0)

    @classmethod
    def none(cls) -> "Retry":
        """One try, recorded as attempt 1 of 1."""
        return cls(1, (), 0.0)

    @property
    def strategy(self) -> Strategy:
        """The policy in one word."""
        if self.attempts is None:
            return "keep-trying"
        if self.attempts == 1:
            return "none"
        return "exponential-backoff" if self.backoff > 1 and self.delay_s > 0 else "fail-after-n"

    def expects(self, error: BaseException) -> bool:
        """Whether the error is one the policy was written for (R117)."""
        return isinstance(error, self.on)

    def wait_after(self, attempt: int, error: BaseException) -> float | None:
        """Seconds to wait after this failed attempt (from 1); None: give up."""
        if not self.expects(error) or (self.attempts is not None and attempt >= self.attempts):
            return None
        return self._wait(attempt)

    def waits(self) -> Iterator[float]:
        """The waits between the attempts in seconds, jitter included; endless for keep-trying."""
        attempt = 1
        while self.attempts is None or attempt < self.attempts:
            yield self._wait(attempt)
            attempt += 1

    def _wait(self, attempt: int) -> float:
        try:
            wait = self.delay_s * self.backoff ** (attempt - 1)
        except OverflowError:
            wait = self.max_delay_s
        wait = min(wait, self.max_delay_s)
        return wait + wait * self.jitter * _random.random()
