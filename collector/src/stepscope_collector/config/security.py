"""Settings of tokens, certificates and the end of the process."""

from dataclasses import dataclass
from pathlib import Path

from stepscope_collector.config.setting import setting as _setting

__all__ = ["AuthConfig", "ShutdownConfig", "TlsConfig"]


@dataclass(frozen=True)
class AuthConfig:
    """Who may come in."""

    tokens_file: str = _setting(
        "file",
        "",
        "File with the hashes of the tokens that `stepscope token` makes. As soon as it holds one, every "
        "request needs a token.",
        "Default: `tokens.json` in the data directory.",
    )
    allow_anonymous: bool = _setting(
        "bool",
        False,
        "Lets a collector without any token or `tls.client_ca` listen beyond this machine, where everybody "
        "who reaches a port may write or read.",
        "Otherwise the collector does not start there. Changes nothing once there is a token.",
    )

    public_workflows: tuple[str, ...] = _setting(
        "names",
        (),
        "Ids of the workflows whose executions are shown to every token, those that `stepscope token create "
        "--user` makes for one user, too.",
        "None: such a token shows the executions of its user only.",
    )

    def path(self, data_dir: Path) -> Path:
        """Where the tokens are kept."""
        return Path(self.tokens_file) if self.tokens_file else data_dir / "tokens.json"


@dataclass(frozen=True)
class TlsConfig:
    """Certificates of all ports: OTLP/gRPC, OTLP/HTTP and web."""

    cert: str = _setting(
        "file",
        "",
        "Certificate of the server in PEM, followed by those between it and its root. With it every port "
        "speaks TLS and nothing else. A changed file counts from the next connection on.",
        "None: plain text, which is for loopback and for proxies that speak TLS.",
    )
    key: str = _setting(
        "file", "", "Its private key in PEM, without passphrase.", "Goes with `tls.cert`."
    )
    client_ca: str = _setting(
        "file",
        "",
        "Certificates in PEM that clients' certificates must come from, on every port (mTLS).",
        "None: clients need no certificate.",
    )
    min_version: str = _setting(
        "choice",
        "1.2",
        "Oldest version of TLS that is spoken.",
        "What has no TLS 1.3 still knows 1.2; older versions are broken (RFC 8996).",
        choices=("1.2", "1.3"),
    )


@dataclass(frozen=True)
class ShutdownConfig:
    """The end of the process after SIGTERM."""

    grace_s: float = _setting(
        "s",
        10.0,
        "How long requests in flight may take to finish; then they are cut off.",
        "A commit takes milliseconds; a slow question may take longer.",
        minimum=0,
        maximum=3600,
    )
    notice_s: float = _setting(
        "s",
        0.0,
        "How long requests are still taken while `/readyz` and `grpc.health.v1` already say no.",
        "Give a load balancer the time it needs to look. 0: none looks.",
        minimum=0,
        maximum=3600,
    )
