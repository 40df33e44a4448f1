"""`configure`: from arguments, `OTEL_*` variables and defaults to a running exporter.

The only module that reads the environment. Everything that needs the OpenTelemetry SDK is
imported here, when `configure` is called, so `import stepscope` costs only the OTel API.
"""

import atexit
import contextlib
import dataclasses
import importlib.util
import logging
import os
import pathlib
import sys
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypedDict, Unpack

from opentelemetry import trace
from opentelemetry.trace import NoOpTracer, ProxyTracerProvider

from stepscope._capture import Content
from stepscope._frames import failures
from stepscope._live import Live
from stepscope._logs import LEVELS, LogEncoder, capture_logging, queue_sink
from stepscope._pipeline import SpanEncoder
from stepscope._redact import Redactor
from stepscope._sender import Counters, Limits, Sender
from stepscope._settings import VERSION, LogLevel, Protocol, Settings
from stepscope._signals import watch_sigterm
from stepscope._spans import LightRecorder, Recorder, TracerRecorder
from stepscope._state import state
from stepscope._transport import Endpoint, open_transport
from stepscope.errors import MisuseError
from stepscope_schema.attributes import SCOPE_NAME

__all__ = ["Status", "configure", "flush", "shutdown", "status"]

logger = logging.getLogger("stepscope")
_DEFAULTS: Mapping[Protocol, str] = {
    "grpc": "http://127.0.0.1:4317",
    "http/protobuf": "http://127.0.0.1:4318",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """What the exporter has done so far.

    `mode`: `off`, `disabled`, `no-sdk`, `provider` (an existing tracer provider sends) or
    `sender` (ours does; only then are there counts).
    """

    mode: Literal["off", "disabled", "no-sdk", "provider", "sender"]
    endpoint: str | None
    queued: int
    counters: Counters
    internal_errors: int
    last_internal_error: str | None


class _Active:
    """The running exporter."""

    mode: Literal["off", "disabled", "no-sdk", "provider", "sender"] = "off"
    sender: Sender | None = None
    live: Live | None = None
    processor: Any = None
    provider: Any = None
    is_registered = False


class Options(TypedDict, total=False):
    """The less used arguments of `configure`."""

    capture_input: bool
    capture_output: bool
    content: Content
    logs: LogLevel
    payload_limit_bytes: int
    redact: bool | Iterable[str] | Callable[[str, Any], Any]
    live_delay_s: float
    heartbeat_s: float
    flush_timeout_s: float
    compression: Literal["gzip", "none"]
    use_existing_provider: bool
    handle_sigterm: bool
    limits: Limits


def configure(
    endpoint: str | None = None,
    *,
    protocol: Protocol | None = None,
    service_name: str | None = None,
    project: str | None = None,
    headers: Mapping[str, str] | None = None,
    **options: Unpack[Options],
) -> None:
    """Start sending executions and steps. Call it once, when the program starts.

    Arguments go before `OTEL_*` variables, and those before defaults. A program that has set an
    OpenTelemetry tracer provider keeps it and our spans go through it, unless
    `use_existing_provider=False`. Without the OpenTelemetry SDK nothing is recorded and one
    warning says so; with `OTEL_SDK_DISABLED=true` nothing is recorded, silently.

    Args:
        endpoint: `http://host:4317` (gRPC) or `http://host:4318` (HTTP). Default: the variables,
            else this machine.
        protocol: `grpc` or `http/protobuf`. Default: the variables, else by the port, else gRPC
            if it is installed.
        service_name: Default: the variables, else the name of the program.
        project: The project of every workflow that names none.
        headers: Sent with every request, for example to authenticate.
        **options: `capture_input`, `capture_output` (True); `content` ("full", or "shape" to
            send type, size and hash instead of values); `logs` ("info": records of this level
            and above that the program's loggers let through; "off"); `payload_limit_bytes` (65536); `redact`
            (True; more key names; a function of key and value; False); `live_delay_s` (1, 0 is
            off); `heartbeat_s` (10); `flush_timeout_s` (2); `compression`;
            `use_existing_provider` (True); `handle_sigterm` (True: where the program has no
            handler, SIGTERM ends what is open as cancelled before the process dies of it);
            `limits`.

    Raises:
        MisuseError: An argument cannot work.
    """
    settings = _settings(project, options)
    handles_sigterm = options.get("handle_sigterm", True)
    shutdown()
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return _off("disabled", settings)
    if importlib.util.find_spec("opentelemetry.sdk") is None:
        logger.warning(
            "stepscope: nothing is recorded because the OpenTelemetry SDK is missing; "
            "install stepscope[otlp-grpc] or stepscope[otlp-http]"
        )
        return _off("no-sdk", settings)
    provider = trace.get_tracer_provider()
    is_foreign = not isinstance(provider, ProxyTracerProvider) and provider is not _Active.provider
    if is_foreign and options.get("use_existing_provider", True):
        _Active.mode = "provider"
        recorder: Recorder = TracerRecorder(provider.get_tracer(SCOPE_NAME, VERSION))
        return _start(settings, recorder, None, handles_sigterm)
    where = _endpoint(endpoint, protocol, headers, options.get("compression"))
    _Active.mode = "sender"
    sender = _open_sender(where, service_name, settings, options.get("limits"), is_foreign)
    _Active.sender = sender
    return _start(settings, LightRecorder(sender.put), sender, handles_sigterm)


def status() -> Status:
    """What has been sent, dropped and refused so far, and the last error."""
    sender = _Active.sender
    return Status(
        mode=_Active.mode,
        endpoint=sender.where if sender else None,
        queued=sender.queued if sender else 0,
        counters=dataclasses.replace(sender.counters) if sender else Counters(),
        internal_errors=failures.count,
        last_internal_error=failures.last,
    )


def flush(timeout_s: float | None = None) -> bool:
    """Wait until everything recorded so far is sent; False when that took too long.

    Args:
        timeout_s: Default: `flush_timeout_s` of `configure`.
    """
    if _Active.sender is not None:
        return _Active.sender.flush(timeout_s)
    force = getattr(trace.get_tracer_provider(), "force_flush", None)
    if force is None:
        return True
    seconds = state.settings.flush_timeout_s if timeout_s is None else timeout_s
    return bool(force(int(seconds * 1000)))


def shutdown(timeout_s: float | None = None) -> None:
    """Send what waits, within the time to flush, and stop recording. Runs at exit by itself."""
    live, sender = _Active.live, _Active.sender
    state.reset()
    capture_logging(None)
    _Active.live = None
    if live is not None:
        live.stop()
    if sender is not None:
        sender.close(timeout_s)


def _off(mode: Literal["disabled", "no-sdk"], settings: Settings) -> None:
    _Active.mode = mode
    _Active.sender = None
    state.use(settings, TracerRecorder(NoOpTracer()), None)


def _start(
    settings: Settings, recorder: Recorder, sender: Sender | None, handles_sigterm: bool
) -> None:
    if sender is None:
        _Active.sender = None
    if settings.live_delay_s > 0:
        _Active.live = live = Live(settings, sender.hurry if sender else None)
        if handles_sigterm:
            watch_sigterm(lambda: live.open_frames() if _Active.live is live else (), shutdown)
    level = LEVELS[settings.logs]
    if sender is not None and level is not None:
        capture_logging(queue_sink(sender), level)
    state.use(settings, recorder, _Active.live)
    if not _Active.is_registered:
        _Active.is_registered = True
        atexit.register(shutdown)


def _open_sender(
    where: Endpoint,
    service_name: str | None,
    settings: Settings,
    limits: Limits | None,
    is_foreign: bool,
) -> Sender:
    # The SDK takes about 25 ms to import; only programs that send pay for it.
    from stepscope import _sdk

    resource = _sdk.make_resource(service_name, _program_name())
    encoder = SpanEncoder(resource.attributes, (SCOPE_NAME, VERSION), _sdk.SdkEncoder())
    sender = Sender(
        lambda: open_transport(where),
        {"traces": encoder, "logs": LogEncoder(resource.attributes, (SCOPE_NAME, VERSION))},
        limits or _limits(settings, where),
        where.url,
    )
    if _Active.processor is None and not is_foreign:
        _Active.processor = _sdk.QueueProcessor(sender.put, sender.flush)
        _Active.provider = _sdk.make_provider(resource, _Active.processor)
        trace.set_tracer_provider(_Active.provider)
    elif _Active.processor is not None:
        _Active.processor.put, _Active.processor.flush = sender.put, sender.flush
    return sender


def _settings(project: str | None, options: Options) -> Settings:
    redact = options.get("redact", True)
    if isinstance(redact, str):
        raise MisuseError(f"redact={redact!r} is one text; pass a list of key names")
    if isinstance(redact, bool):
        redactor = Redactor(is_on=redact)
    elif callable(redact):
        redactor = Redactor(custom=redact)
    else:
        redactor = Redactor(extra_keys=redact)
    known = {field.name for field in dataclasses.fields(Settings)}
    chosen: dict[str, Any] = {key: value for key, value in options.items() if key in known}
    settings = Settings(project=project, redactor=redactor, **chosen)
    for field in ("payload_limit_bytes", "live_delay_s", "heartbeat_s", "flush_timeout_s"):
        if getattr(settings, field) < 0:
            raise MisuseError(f"{field}={getattr(settings, field)} is below 0")
    return settings


def _endpoint(
    url: str | None, protocol: Protocol | None, headers: Mapping[str, str] | None,
    compression: str | None,
) -> Endpoint:  # fmt: skip
    env_url = _env("ENDPOINT")
    chosen_protocol = protocol or _protocol(url or env_url)
    address = url or env_url or _DEFAULTS[chosen_protocol]
    if "://" not in address:
        address = f"http://{address}"
    split = urllib.parse.urlsplit(address)
    if split.scheme not in ("http", "https") or not split.hostname:
        raise MisuseError(f"endpoint={address!r} is no http:// or https:// address")
    paths = {}
    if url is None and os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        paths["traces"] = address  # used as it is (OTLP exporter specification)
    insecure = _env("INSECURE").lower() == "true"
    return Endpoint(
        url=address,
        protocol=chosen_protocol,
        headers={**_env_headers(), **(headers or {})},
        timeout_s=_number(_env("TIMEOUT"), 10.0),
        is_compressed=(compression or _env("COMPRESSION")) == "gzip",
        is_insecure=split.scheme == "http" or ("://" not in (url or env_url or "://") and insecure),
        certificate=_file(_env("CERTIFICATE")),
        client_key=_file(_env("CLIENT_KEY")),
        client_certificate=_file(_env("CLIENT_CERTIFICATE")),
        paths=paths,
    )


def _protocol(url: str) -> Protocol:
    named = _env("PROTOCOL")
    if named in ("grpc", "http/protobuf"):
        return named  # type: ignore[return-value]  # narrowed by the test
    if named:
        logger.warning("stepscope: protocol %s is unknown; http/protobuf is used", named)
        return "http/protobuf"
    with contextlib.suppress(ValueError):
        if url and urllib.parse.urlsplit(url).port == 4318:
            return "http/protobuf"
    return "grpc" if importlib.util.find_spec("grpc") is not None else "http/protobuf"


def _limits(settings: Settings, where: Endpoint) -> Limits:
    default = Limits()
    delay = _number(os.environ.get("OTEL_BSP_SCHEDULE_DELAY", ""), default.delay_s * 1000) / 1000
    return dataclasses.replace(
        default,
        queue_items=int(
            _number(os.environ.get("OTEL_BSP_MAX_QUEUE_SIZE", ""), default.queue_items)
        ),
        batch_items=int(
            _number(os.environ.get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", ""), default.batch_items)
        ),
        delay_s=delay,
        timeout_s=where.timeout_s,
        flush_timeout_s=settings.flush_timeout_s,
    )


def _env(name: str) -> str:
    """The variable for traces, else the one for all signals, else nothing."""
    prefix = "OTEL_EXPORTER_OTLP_"
    specific = os.environ.get(f"{prefix}TRACES_{name}", "").strip()
    return specific or os.environ.get(f"{prefix}{name}", "").strip()


def _env_headers() -> dict[str, str]:
    pairs = (part.partition("=") for part in _env("HEADERS").split(",") if "=" in part)
    return {
        key.strip().lower(): urllib.parse.unquote(value.strip())
        for key, _, value in pairs
        if key.strip()
    }


def _number(text: str, default: float) -> float:
    try:
        number = float(text)
    except ValueError:
        return default
    return number if number > 0 else default


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


def _program_name() -> str:
    name = pathlib.Path(sys.argv[0] if sys.argv else "").stem
    return name if name and name not in ("-c", "-m", "__main__") else "python"
