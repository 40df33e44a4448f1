"""Where to send and how: from arguments and `OTEL_EXPORTER_OTLP_*` to an `Endpoint`.

Pure but for certificate files; the environment comes in as a mapping.
"""

import contextlib
import dataclasses
import importlib.util
import logging
import math
import pathlib
import urllib.parse
from collections.abc import Mapping

from stepscope import _headers
from stepscope._sender import Limits
from stepscope._settings import Protocol, Settings
from stepscope._transport import Endpoint
from stepscope._wire import Signal
from stepscope.errors import MisuseError

__all__ = ["make_limits", "resolve"]

logger = logging.getLogger("stepscope")
_PREFIX = "OTEL_EXPORTER_OTLP_"
_DEFAULTS: Mapping[Protocol, str] = {
    "grpc": "http://127.0.0.1:4317",
    "http/protobuf": "http://127.0.0.1:4318",
}


def resolve(
    environ: Mapping[str, str],
    url: str | None, protocol: Protocol | None, headers: Mapping[str, str] | None,
    compression: str | None,
) -> Endpoint:  # fmt: skip
    """Where to send: arguments over the variables for traces over those for all signals."""
    env_url = _env(environ, "ENDPOINT")
    chosen_protocol = protocol or _protocol(environ, url or env_url)
    address = url or env_url or _DEFAULTS[chosen_protocol]
    address = _with_scheme(address)
    split = urllib.parse.urlsplit(address)
    if not _is_address(split):
        if url is not None:
            raise MisuseError(f"endpoint={address!r} is no http:// or https:// address")
        # A variable is not the program's fault, and must not end it.
        address = _DEFAULTS[chosen_protocol]
        logger.warning(
            "stepscope: OTEL_EXPORTER_OTLP_ENDPOINT=%s is no http:// or https:// address; %s is used",
            env_url, address,
        )  # fmt: skip
        split = urllib.parse.urlsplit(address)
        env_url = ""
    paths = {} if url is not None else _paths(environ, address if env_url else "")
    insecure = _env(environ, "INSECURE").lower() == "true"
    certificate_path, key_path = _env(environ, "CLIENT_CERTIFICATE"), _env(environ, "CLIENT_KEY")
    client_certificate, client_key = _file(certificate_path), _file(key_path)
    known = _env_headers(environ, chosen_protocol)
    given = _headers.legal("headers=", (headers or {}).items(), chosen_protocol)
    return Endpoint(
        url=address,
        protocol=chosen_protocol,
        headers={
            **{key: text for key, text in known.items() if key not in {k.lower() for k in given}},
            **given,
        },
        timeout_s=_number(_env(environ, "TIMEOUT"), 10.0),
        is_compressed=(compression or _env(environ, "COMPRESSION")) == "gzip",
        is_insecure=split.scheme == "http" or ("://" not in (url or env_url or "://") and insecure),
        certificate=_file(_env(environ, "CERTIFICATE")),
        client_key=client_key,
        client_certificate=client_certificate,
        client_files=(certificate_path, key_path) if client_key and client_certificate else None,
        paths=paths,
    )


def _is_address(split: urllib.parse.SplitResult) -> bool:
    try:
        return split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:  # a port that is no number
        return False


def _paths(environ: Mapping[str, str], traces: str) -> dict[str, str]:
    """Whole addresses by signal: a signal's own variable is used as it is (OTLP exporters).

    Logs go with the traces where only those have an address: a program that names one collector
    for its traces has no other. Over gRPC the paths in them are without meaning.
    """
    has_own = bool(environ.get(f"{_PREFIX}TRACES_ENDPOINT", "").strip())
    paths = {"traces": traces} if has_own and traces else {}
    logs = _log_address(environ)
    general = environ.get(f"{_PREFIX}ENDPOINT", "").strip()
    if logs:
        paths["logs"] = logs
    elif paths and general and _is_address(urllib.parse.urlsplit(_with_scheme(general))):
        paths["logs"] = f"{_with_scheme(general).rstrip('/')}/v1/logs"
    elif paths:
        split = urllib.parse.urlsplit(traces)
        base = split.path.removesuffix("/v1/traces") if split.path.endswith("/v1/traces") else ""
        paths["logs"] = f"{split.scheme}://{split.netloc}{base}/v1/logs"
    return paths


def _log_address(environ: Mapping[str, str]) -> str:
    given = environ.get(f"{_PREFIX}LOGS_ENDPOINT", "").strip()
    if not given:
        return ""
    address = _with_scheme(given)
    if _is_address(urllib.parse.urlsplit(address)):
        return address
    logger.warning(
        "stepscope: OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=%s is no http:// or https:// address; logs go "
        "where they would go without it",
        given,
    )
    return ""


def _with_scheme(address: str) -> str:
    return address if "://" in address else f"http://{address}"


def _protocol(environ: Mapping[str, str], url: str) -> Protocol:
    named = _env(environ, "PROTOCOL")
    has_grpc = importlib.util.find_spec("grpc") is not None
    if named == "http/protobuf" or (named == "grpc" and has_grpc):
        return named  # type: ignore[return-value]  # narrowed by the test
    if named == "grpc":
        logger.warning(
            "stepscope: OTEL_EXPORTER_OTLP_PROTOCOL=grpc needs grpcio; http/protobuf is used. "
            "Install stepscope[otlp-grpc]"
        )
        return "http/protobuf"
    if named:
        logger.warning(
            "stepscope: OTEL_EXPORTER_OTLP_PROTOCOL: protocol %s is unknown; http/protobuf is used", named
        )  # fmt: skip
        return "http/protobuf"
    with contextlib.suppress(ValueError):
        if url and urllib.parse.urlsplit(url).port == 4318:
            return "http/protobuf"
    return "grpc" if has_grpc else "http/protobuf"


def make_limits(
    environ: Mapping[str, str], settings: Settings, where: Endpoint, signal: Signal = "traces"
) -> Limits:
    """Bounds of a signal's queue; the standard variables of its batch processor are honoured.

    For logs (`OTEL_BLRP_*`) those of spans (`OTEL_BSP_*`) stand in where they are not set.
    """
    default = Limits()

    def number(name: str, otherwise: float) -> float:
        found = _number(environ.get(f"OTEL_BSP_{name}", ""), otherwise)
        return found if signal == "traces" else _number(environ.get(f"OTEL_BLRP_{name}", ""), found)

    return dataclasses.replace(
        default,
        # below 1 nothing would ever be sent
        queue_items=max(int(number("MAX_QUEUE_SIZE", default.queue_items)), 1),
        batch_items=max(int(number("MAX_EXPORT_BATCH_SIZE", default.batch_items)), 1),
        delay_s=number("SCHEDULE_DELAY", default.delay_s * 1000) / 1000,
        timeout_s=min(where.timeout_s, number("EXPORT_TIMEOUT", where.timeout_s * 1000) / 1000),
        flush_timeout_s=settings.flush_timeout_s,
    )


def _env(environ: Mapping[str, str], name: str) -> str:
    """The variable for traces, else the one for all signals, else nothing."""
    specific = environ.get(f"{_PREFIX}TRACES_{name}", "").strip()
    return specific or environ.get(f"{_PREFIX}{name}", "").strip()


def _env_headers(environ: Mapping[str, str], protocol: Protocol) -> dict[str, str]:
    specific = bool(environ.get(f"{_PREFIX}TRACES_HEADERS", "").strip())
    name = f"{_PREFIX}{'TRACES_' if specific else ''}HEADERS"
    return _headers.from_variable(name, environ.get(name, ""), protocol)


def _number(text: str, default: float) -> float:
    try:
        number = float(text)
    except ValueError:
        return default
    return number if math.isfinite(number) and number > 0 else default


def _file(path: str) -> bytes | None:
    if not path:
        return None
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        logger.warning(
            "stepscope: %s cannot be read (%s); going on without it", path, error.strerror
        )
        return None
