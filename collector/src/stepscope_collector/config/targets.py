"""Other OTLP endpoints that the collector sends to: its tee, and where its own metrics go."""

from dataclasses import dataclass
from typing import Final

from stepscope_collector.config.setting import setting

__all__ = ["PER_TARGET", "Headers", "Target", "TeeConfig", "TelemetryConfig"]

Headers = tuple[tuple[str, str], ...]

_ALL: Final = ("traces", "logs", "metrics")
_MIB: Final = 2**20
_GIB: Final = 2**30


@dataclass(frozen=True)
class Target:
    """One endpoint, and how to reach it."""

    name: str
    endpoint: str
    protocol: str = "grpc"
    headers: Headers = ()
    compression: str = "gzip"
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    timeout_s: float = 10.0
    signals: tuple[str, ...] = _ALL
    max_batch_bytes: int = _MIB


@dataclass(frozen=True)
class _TargetConfig:
    endpoint: str = setting(
        "url",
        "",
        "URL of the OTLP endpoint, `http://HOST:PORT` or `https://HOST:PORT`. With `https` the "
        "connection is encrypted. For OTLP/HTTP a path may follow; `/v1/traces` and its like are "
        "added to it.",
        "Empty: nothing is sent. Never an address of this collector itself.",
    )
    protocol: str = setting(
        "choice",
        "grpc",
        "Protocol of the endpoint.",
        "The one every OTLP receiver has.",
        choices=("grpc", "http"),
    )
    headers: Headers = setting(
        "headers",
        (),
        "Headers of every request, such as a token: a table in TOML, `name=value,name=value` in a "
        "variable or flag, with %XX for commas. `stepscope config` does not show the values.",
        "Empty: none.",
    )
    compression: str = setting(
        "choice",
        "gzip",
        "Compression of requests.",
        "Attributes repeat themselves: about a tenth of the bytes.",
        choices=("gzip", "none"),
    )
    ca_file: str = setting(
        "file",
        "",
        "Certificates in PEM that sign the endpoint's certificate.",
        "Empty: those the machine trusts.",
    )
    cert_file: str = setting(
        "file",
        "",
        "Certificate in PEM that this collector shows to the endpoint; with `key_file`.",
        "Empty: none.",
    )
    key_file: str = setting("file", "", "Private key in PEM for `cert_file`.", "Empty: none.")
    timeout_s: float = setting(
        "s",
        10.0,
        "How long an answer may take.",
        "The default of OpenTelemetry's exporters.",
        minimum=0.1,
        maximum=3600,
    )


@dataclass(frozen=True)
class TeeConfig(_TargetConfig):
    """Where everything received is sent on to."""

    signals: tuple[str, ...] = setting(
        "signals",
        _ALL,
        "What is sent: `traces`, `logs`, `metrics`.",
        "Everything. A server for traces alone would refuse the rest.",
    )
    max_batch_bytes: int = setting(
        "bytes",
        _MIB,
        "Requests that wait are sent together up to this many bytes; a larger one goes alone.",
        "Below the 4 MiB that gRPC servers take by default.",
        minimum=0,
        maximum=64 * _MIB,
    )
    max_queue_bytes: int = setting(
        "bytes",
        _GIB,
        "Bytes of requests on disk that wait for any of the endpoints. Over it the oldest are "
        "dropped and counted.",
        "About 20 million spans as the SDK sends them: hours of an endpoint that is down.",
        minimum=_MIB,
    )
    to: tuple[Target, ...] = ()
    """Further endpoints, from `[[tee.to]]`."""

    def targets(self) -> tuple[Target, ...]:
        """All endpoints."""
        own = (Target("tee", **{name: getattr(self, name) for name in PER_TARGET}),)
        return (own if self.endpoint else ()) + self.to


@dataclass(frozen=True)
class TelemetryConfig(_TargetConfig):
    """Where the collector's own metrics and log lines are sent."""

    interval_s: float = setting(
        "s",
        60.0,
        "How often they are sent.",
        "The default of OpenTelemetry's SDKs.",
        minimum=1,
        maximum=86400,
    )

    logs: bool = setting(
        "bool",
        False,
        "Sends the collector's own log lines as well, those that `log.level` lets through.",
        "They may hold text of statements and addresses of senders.",
    )

    def target(self) -> Target | None:
        """The endpoint; None: there is none."""
        if not self.endpoint:
            return None
        shared = [name for name in PER_TARGET if hasattr(self, name)]
        return Target("telemetry", **{name: getattr(self, name) for name in shared})


PER_TARGET: Final = tuple(name for name in Target.__dataclass_fields__ if name != "name")
"""What each table `[[tee.to]]` may say beside its name; what it does not say is as in `[tee]`."""
