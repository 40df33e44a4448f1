"""`configure`: from arguments, `OTEL_*` variables and defaults to a running exporter.

The only module that reads the environment. Everything that needs the OpenTelemetry SDK is
imported here, when `configure` is called, so `import stepscope` costs only the OTel API.
"""

import atexit
import dataclasses
import importlib.util
import logging
import os
import pathlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NoOpTracer, ProxyTracerProvider

from stepscope._capture import Content
from stepscope._forks import in_every_fork
from stepscope._frames import failures
from stepscope._live import Live
from stepscope._logs import LEVELS, LogEncoder, LogSink, both, capture_logging, queue_sink
from stepscope._pipeline import SpanEncoder
from stepscope._propagation import ENVIRONMENT_KEYS, inject, remote_context
from stepscope._redact import Hidden, Redactor
from stepscope._sender import Counters, Limits, Sender
from stepscope._settings import VERSION, LogLevel, Protocol, Settings
from stepscope._signals import watch_sigterm
from stepscope._spans import LightRecorder, Recorder, TracerRecorder
from stepscope._state import state
from stepscope.errors import MisuseError
from stepscope_schema.attributes import SCOPE_NAME

if TYPE_CHECKING:
    from stepscope._spool import Spool
    from stepscope._stock import Stock
    from stepscope._transport import Endpoint

__all__ = ["Status", "configure", "environment", "flush", "shutdown", "status"]

logger = logging.getLogger("stepscope")


@dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """What the exporter has done so far.

    `mode`: `off`, `disabled`, `no-sdk`, `provider` (an existing tracer provider sends, or the
    stock exporters that `OTEL_TRACES_EXPORTER` names) or `sender` (ours does; only then are there
    counts).
    """

    mode: Literal["off", "disabled", "no-sdk", "provider", "sender"]
    endpoint: str | None
    queued: int
    counters: Counters
    hidden: Hidden
    """Values that were redacted, by reason."""
    internal_errors: int
    last_internal_error: str | None


_LIMIT_VARIABLES = tuple(
    f"OTEL_{name}_LIMIT"
    for name in (
        "ATTRIBUTE_VALUE_LENGTH", "ATTRIBUTE_COUNT", "SPAN_ATTRIBUTE_VALUE_LENGTH", "SPAN_ATTRIBUTE_COUNT",
        "SPAN_EVENT_COUNT", "SPAN_LINK_COUNT", "EVENT_ATTRIBUTE_COUNT", "LINK_ATTRIBUTE_COUNT",
    )
)  # fmt: skip


class _Active:
    """The running exporter."""

    mode: Literal["off", "disabled", "no-sdk", "provider", "sender"] = "off"
    sender: Sender | None = None
    live: Live | None = None
    processor: Any = None
    provider: Any = None
    stock: "Stock | None" = None
    is_registered = False
    arguments: Mapping[str, Any] | None = None
    worker_pid: int | None = None


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
    spool_dir: str | os.PathLike[str]
    spool_limit_bytes: int


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
            `spool_dir` (default: `STEPSCOPE_SPOOL_DIR`, else no spool) and `spool_limit_bytes`
            (256 MiB); `limits`.

    Raises:
        MisuseError: An argument cannot work.
    """
    settings = _settings(project, options)
    _Active.arguments = {
        "endpoint": endpoint, "protocol": protocol, "service_name": service_name,
        "project": project, "headers": headers, **options,
    }  # fmt: skip
    handles_sigterm = options.get("handle_sigterm", True)
    shutdown()
    span_exporters = _exporters("OTEL_TRACES_EXPORTER")
    if _is("OTEL_SDK_DISABLED", "true") or not span_exporters:
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
        return _start(settings, recorder, None, handles_sigterm, None)
    log_exporters = _exporters("OTEL_LOGS_EXPORTER")
    sender = sink = None
    try:
        others, lines = _open_stock(span_exporters, log_exporters, service_name)
        is_ours = "otlp" in span_exporters or not others
        # Whoever looks at spans on the console has no collector for logs, unless it is named.
        if is_ours or ("otlp" in log_exporters and os.environ.get("OTEL_LOGS_EXPORTER")):
            where, limits = _where_to(settings, endpoint, protocol, headers, options)
            sender = _open_sender(where, service_name, limits, _open_spool(options))
        if others or not is_foreign or _Active.processor is not None:
            _open_provider(service_name, sender if is_ours else None, others, is_foreign)
    except ValueError as error:
        # The SDK refuses some variables by raising when it is imported.
        logger.warning("stepscope: nothing is recorded: %s; correct or unset it", error)
        return _off("off", settings)
    _Active.mode = "sender" if is_ours else "provider"
    _Active.sender = sender
    if sender is not None and is_ours and not others and (is_foreign or not _wants_sdk()):
        own: Recorder = LightRecorder(sender.put)
    else:
        # Slower, and right: samplers, limits and exporters are the SDK's, configured by its variables.
        own = TracerRecorder(_Active.provider.get_tracer(SCOPE_NAME, VERSION))
    if sender is not None and log_exporters and ("otlp" in log_exporters or lines is None):
        sink = both(queue_sink(sender), lines)
    return _start(settings, own, sender, handles_sigterm, sink or lines)


def status() -> Status:
    """What has been sent, dropped and refused so far, and the last error."""
    sender = _Active.sender
    return Status(
        mode=_Active.mode,
        endpoint=sender.where if sender else None,
        queued=sender.queued if sender else 0,
        counters=dataclasses.replace(sender.counters) if sender else Counters(),
        hidden=dataclasses.replace(state.hidden),
        internal_errors=failures.count,
        last_internal_error=failures.last,
    )


def flush(timeout_s: float | None = None) -> bool:
    """Wait until everything recorded so far is sent; False when that took too long.

    Args:
        timeout_s: Default: `flush_timeout_s` of `configure`.
    """
    seconds = state.settings.flush_timeout_s if timeout_s is None else timeout_s
    stock, sender = _Active.stock, _Active.sender
    if stock is not None or sender is not None:
        deadline = time.monotonic() + seconds
        done = stock.ask("force_flush") if stock is not None else None
        is_sent = sender is None or sender.flush(timeout_s)
        return is_sent and (done is None or done.wait(max(deadline - time.monotonic(), 0.0)))
    force = getattr(trace.get_tracer_provider(), "force_flush", None)
    return True if force is None else bool(force(int(seconds * 1000)))


def shutdown(timeout_s: float | None = None) -> None:
    """Send what waits, within the time to flush, and stop recording. Runs at exit by itself."""
    live, sender, stock = _Active.live, _Active.sender, _Active.stock
    seconds = state.settings.flush_timeout_s if timeout_s is None else timeout_s
    state.reset()
    capture_logging(None)
    _Active.live = _Active.stock = None
    if live is not None:
        live.stop()
    deadline = time.monotonic() + seconds
    done = stock.ask("shutdown") if stock is not None else None
    if sender is not None:
        sender.close(timeout_s)
    if done is not None:
        done.wait(max(deadline - time.monotonic(), 0.0))


def environment() -> dict[str, str]:
    """The environment of this process, with the current execution and step in it.

    For `subprocess.run(..., env=stepscope.environment())`: what the child process records belongs
    to the execution that started it.
    """
    carrier = inject()
    return {**os.environ, **{key.upper(): text for key, text in carrier.items()}}


def find_endpoint(
    endpoint: str | None, protocol: Protocol | None, headers: Mapping[str, str] | None,
    compression: str | None,
) -> "Endpoint":  # fmt: skip
    """Where these arguments and the environment send to."""
    from stepscope._endpoint import resolve

    return resolve(os.environ, endpoint, protocol, headers, compression)


def spool_path() -> str | None:
    """The folder of the spool that the environment names."""
    return os.environ.get("STEPSCOPE_SPOOL_DIR") or None


def last_arguments() -> Mapping[str, Any] | None:
    """What `configure` was called with; None before it was."""
    return _Active.arguments


def join_worker(arguments: Mapping[str, Any] | None) -> None:
    """In a worker process: configure like its parent, and send at its end.

    Workers of multiprocessing leave without running `atexit`.
    """
    if _Active.worker_pid == os.getpid():
        return
    _Active.worker_pid = os.getpid()
    if arguments is not None and _Active.mode == "off":
        configure(**{**arguments, "handle_sigterm": False})
    # 12 ms to import; a worker of multiprocessing has it loaded.
    from multiprocessing.util import Finalize

    Finalize(None, shutdown, exitpriority=100)


class _AtExitOfForks:
    """Sends at the end of a child that multiprocessing forked; it leaves without `atexit`."""

    def after_fork(self) -> None:
        """Runs before multiprocessing throws away the finalizers it inherited."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None:
            util.register_after_fork(
                _Active, lambda _: util.Finalize(None, shutdown, exitpriority=100)
            )


_atexit_of_forks = _AtExitOfForks()


def _wants_sdk() -> bool:
    """Whether a variable asks for something that only the SDK's own spans do."""
    sampler = os.environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    return sampler not in ("", "always_on", "parentbased_always_on") or any(
        os.environ.get(name) for name in _LIMIT_VARIABLES
    )


def _off(mode: Literal["off", "disabled", "no-sdk"], settings: Settings) -> None:
    _Active.mode = mode
    _Active.sender = None
    state.use(settings, TracerRecorder(NoOpTracer()), None)


def _start(
    settings: Settings,
    recorder: Recorder,
    sender: Sender | None,
    handles_sigterm: bool,
    sink: LogSink | None,
) -> None:
    if sender is None:
        _Active.sender = None
    if settings.live_delay_s > 0:
        _Active.live = live = Live(settings, sender.hurry if sender else None)
        if handles_sigterm:
            watch_sigterm(lambda: live.open_frames() if _Active.live is live else (), shutdown)
    level = LEVELS[settings.logs]
    if sink is not None and level is not None:
        capture_logging(sink, level)
    state.use(settings, recorder, _Active.live)
    carried = {key: os.environ[key] for key in ENVIRONMENT_KEYS if key in os.environ}
    state.ambient = remote_context(carried, Context()) if carried else None
    if not _Active.is_registered:
        _Active.is_registered = True
        atexit.register(shutdown)
        in_every_fork(_atexit_of_forks)


def _where_to(
    settings: Settings, endpoint: str | None, protocol: Protocol | None,
    headers: Mapping[str, str] | None, options: Options,
) -> tuple["Endpoint", tuple[Limits, Limits]]:  # fmt: skip
    # Sockets, HTTP and TLS: about 10 ms.
    from stepscope._endpoint import make_limits, resolve

    where = resolve(os.environ, endpoint, protocol, headers, options.get("compression"))
    given = options.get("limits")
    spans = given or make_limits(os.environ, settings, where)
    return where, (spans, given or make_limits(os.environ, settings, where, "logs"))


def _open_spool(options: Options) -> "Spool | None":
    folder = options.get("spool_dir") or os.environ.get("STEPSCOPE_SPOOL_DIR")
    if not folder:
        return None
    from stepscope._spool import Spool

    return Spool(pathlib.Path(folder), options.get("spool_limit_bytes", 256 << 20))


def _open_sender(
    where: "Endpoint",
    service_name: str | None,
    limits: tuple[Limits, Limits],
    spool: "Spool | None",
) -> Sender:
    # The SDK takes about 25 ms to import; only programs that send pay for it.
    from stepscope import _sdk
    from stepscope._transport import open_transport

    resource = _sdk.make_resource(service_name, _program_name())
    encoder = SpanEncoder(resource.attributes, (SCOPE_NAME, VERSION), _sdk.SdkEncoder())
    sender = Sender(
        lambda: open_transport(where),
        {"traces": encoder, "logs": LogEncoder(resource.attributes, (SCOPE_NAME, VERSION))},
        limits[0],
        Redactor().clean_text(where.url),
        spool,
        limits[1],
    )
    sender.start()
    return sender


def _open_stock(
    span_exporters: tuple[str, ...], log_exporters: tuple[str, ...], service_name: str | None
) -> tuple[list[Any], LogSink | None]:
    """Processors and a sink for the exporters that are not ours."""
    spans = [name for name in span_exporters if name != "otlp"]
    logs = [name for name in log_exporters if name != "otlp"]
    if not spans and not logs:
        return [], None
    from stepscope import _sdk, _stock

    resource = _sdk.make_resource(service_name, _program_name())
    others = _stock.span_processors(spans)
    lines, processors = _stock.log_sink(logs, resource, (SCOPE_NAME, VERSION))
    _Active.stock = _stock.Stock([*others, *processors])
    return others, lines


def _open_provider(
    service_name: str | None, sender: Sender | None, others: list[Any], is_foreign: bool
) -> None:
    """The provider whose spans go to the sender and to the others; the global one if there is none."""
    from stepscope import _sdk

    put = sender.put if sender else lambda _: None
    flush = sender.flush if sender else lambda _: True
    if _Active.processor is None:
        _Active.processor = _sdk.QueueProcessor(put, flush)
        resource = _sdk.make_resource(service_name, _program_name())
        _Active.provider = _sdk.make_provider(resource, _Active.processor)
        if not is_foreign:
            trace.set_tracer_provider(_Active.provider)
    _Active.processor.put, _Active.processor.flush = put, flush
    _Active.processor.others = others


def _exporters(variable: str) -> tuple[str, ...]:
    """Names in a list of exporters, `otlp` where there is none; nothing for `none`."""
    given = [name.strip() for name in os.environ.get(variable, "").split(",") if name.strip()]
    names = [name.lower() if name.lower() in ("otlp", "none") else name for name in given]
    return tuple(name for name in names if name != "none") if names else ("otlp",)


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


def _is(name: str, value: str) -> bool:
    return os.environ.get(name, "").strip().lower() == value


def _program_name() -> str:
    name = pathlib.Path(sys.argv[0] if sys.argv else "").stem
    return name if name and name not in ("-c", "-m", "__main__") else "python"
