"""An authority of the tests, and certificates of it, made with the openssl command."""

import subprocess
from pathlib import Path

__all__ = ["Authority"]

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Authority:
    """Signs certificates of servers and clients."""

    def __init__(self, folder: Path, name: str) -> None:
        self.cert = folder / "ca.pem"
        self._key = folder / "ca.key"
        _openssl("req", "-x509", *_KEY, "-keyout", self._key, "-out", self.cert, "-days", "2",
                 "-subj", f"/CN={name}")  # fmt: skip

    def issue(self, folder: Path, name: str) -> Path:
        """A folder with cert.pem and key.pem, for `name` and 127.0.0.1."""
        folder.mkdir()
        extensions = folder / "ext"
        extensions.write_text(
            f"subjectAltName=DNS:{name},IP:127.0.0.1\nbasicConstraints=CA:FALSE\n", encoding="ascii"
        )
        _openssl("req", "-new", *_KEY, "-keyout", folder / "key.pem", "-out", folder / "csr",
                 "-subj", f"/CN={name}")  # fmt: skip
        _openssl("x509", "-req", "-in", folder / "csr", "-CA", self.cert, "-CAkey", self._key,
                 "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out",
                 folder / "cert.pem")  # fmt: skip
        return folder


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)
