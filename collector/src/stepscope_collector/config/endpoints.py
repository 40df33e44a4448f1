"""`endpoints.json`: where a running server listens, for everything else on the machine."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Endpoints"]


@dataclass(frozen=True)
class Endpoints:
    """What a running server writes into `endpoints.json` of its data directory."""

    pid: int
    otlp_grpc: str
    """HOST:PORT, as the next two."""
    otlp_http: str
    web: str
    version: str
    started_at: str
    """RFC 3339, UTC."""

    def write(self, path: Path) -> None:
        """Replace the file at once, so that no reader sees half of it."""
        beside = path.with_suffix(f".{self.pid}.tmp")
        beside.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        beside.replace(path)

    @staticmethod
    def remove(path: Path) -> None:
        """Remove the file of this process."""
        with suppress(FileNotFoundError):
            path.unlink()
