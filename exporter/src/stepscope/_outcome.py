"""How a child process ended."""

import dataclasses

__all__ = ["Outcome"]


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """Exit code as a shell would give it, what ended the process, and what it used."""

    exit_code: int
    signal: int | None
    reason: str | None
    path: str | None
    cpu_user_s: float | None = None
    cpu_system_s: float | None = None
    memory_peak_bytes: int | None = None

    @property
    def word(self) -> str:
        """The outcome of the execution: Ctrl-C and SIGTERM are cancellations."""
        if self.exit_code == 0:
            return "success"
        return "cancellation" if self.signal in (2, 15) else "failure"
