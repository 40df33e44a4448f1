"""`endpoints.json`: where a running server listens, for everything else on the machine."""

import json
import os
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
    scheme: str = "http"
    """http or https, of all three ports; with https OTLP/gRPC speaks TLS as well."""
    token: str = ""
    """Lets commands of the user who owns the data directory ask this server; ends with the process.
    Who reads this file could read the history itself."""
    certificate_sha256: str = ""
    """Hexadecimal fingerprint of the server's certificate: commands of this machine know by it that
    they talk to this server, whatever name the certificate has. "": no TLS."""

    def write(self, path: Path) -> None:
        """Replace the file at once, so that no reader sees half of it."""
        beside = path.with_suffix(f".{self.pid}.tmp")
        with suppress(FileNotFoundError):
            beside.unlink()
        # Readable by its owner alone, because of the token.
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(json.dumps(asdict(self), indent=2) + "\n")
        beside.replace(path)

    @staticmethod
    def remove(path: Path) -> None:
        """Remove the file of this process."""
        with suppress(FileNotFoundError):
            path.unlink()
