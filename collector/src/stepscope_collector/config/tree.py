"""The tree of settings: names, types, defaults, effects, limits.

A field here is a setting everywhere: key `store.threads` in TOML, `STEPSCOPE_STORE_THREADS` in the
environment, `--store-threads` as a flag of `serve`, a row of docs/reference/config.md. Its text
(effect, reason of the default, what 0 means) stands in the field and nowhere else.
"""

from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path

from stepscope_collector.config.limits import LimitsConfig, TenantsConfig
from stepscope_collector.config.retention import RetentionConfig
from stepscope_collector.config.security import AuthConfig, ShutdownConfig, TlsConfig
from stepscope_collector.config.setting import Setting
from stepscope_collector.config.setting import setting as _setting
from stepscope_collector.config.targets import TeeConfig, TelemetryConfig

__all__ = [
    "AuthConfig",
    "DataConfig",
    "ExecutionsConfig",
    "IngestConfig",
    "LimitsConfig",
    "LogConfig",
    "McpConfig",
    "OtlpConfig",
    "ProfilesConfig",
    "RetentionConfig",
    "Settings",
    "ShutdownConfig",
    "SqlConfig",
    "StoreConfig",
    "TenantsConfig",
    "TlsConfig",
    "WebConfig",
    "all_settings",
]

_KIB = 2**10
_MIB = 2**20
_GIB = 2**30


@dataclass(frozen=True)
class DataConfig:
    """Where the history is kept."""

    dir: Path = _setting(
        "path",
        None,
        "Directory of the database file `stepscope.duckdb` and of `endpoints.json`. Made with mode "
        "0700 when it does not exist.",
        "Default: `stepscope` below `$XDG_DATA_HOME`, which is `~/.local/share` when unset; "
        "`/var/lib/stepscope` for a user without a home.",
        flag="--data",
    )

    @property
    def database_path(self) -> Path:
        """The DuckDB file."""
        return self.dir / "stepscope.duckdb"

    @property
    def tenants_dir(self) -> Path:
        """Directory of the data directories of tenants, each below its name."""
        return self.dir / "tenants"

    @property
    def tee_dir(self) -> Path:
        """Directory of the tee's queue."""
        return self.dir / "tee"

    @property
    def endpoints_path(self) -> Path:
        """The JSON file in which a running server says where it listens."""
        return self.dir / "endpoints.json"


@dataclass(frozen=True)
class OtlpConfig:
    """Where OTLP is received."""

    grpc: str = _setting(
        "address",
        "127.0.0.1:4317",
        "Address of OTLP/gRPC, HOST:PORT.",
        "4317 is the port OTLP registered. Beyond loopback only with authentication. Port 0 picks "
        "a free one.",
    )
    http: str = _setting(
        "address",
        "127.0.0.1:4318",
        "Address of OTLP/HTTP, HOST:PORT.",
        "4318 is the port OTLP registered. Beyond loopback only with authentication. Port 0 picks "
        "a free one.",
    )
    http_traces_path: str = _setting(
        "url_path",
        "/v1/traces",
        "Path at which OTLP/HTTP takes spans.",
        "OTLP's own. Another one for senders that cannot be set right.",
    )
    http_logs_path: str = _setting(
        "url_path",
        "/v1/logs",
        "Path at which OTLP/HTTP takes log records.",
        "OTLP's own.",
    )
    http_metrics_path: str = _setting(
        "url_path",
        "/v1/metrics",
        "Path at which OTLP/HTTP takes data points.",
        "OTLP's own.",
    )
    http_cors_origins: tuple[str, ...] = _setting(
        "origins",
        (),
        "Origins whose pages may send OTLP/HTTP from a browser, such as `https://app.example.com`; `*` "
        "stands for any characters, `https://*.example.com`.",
        "None: browsers are for reading, and a page of a stranger is not to write.",
    )
    grpc_server: str = _setting(
        "choice",
        "auto",
        "Which server speaks gRPC: `native`, whose HTTP/2 is in Rust, or that of `grpcio`. Both take the "
        "same calls. `native` ends the start when `stepscope-native` is not installed.",
        "`auto`: the native one where it is installed, for it takes less CPU, above all for small requests; else grpcio.",
        choices=("auto", "native", "grpcio"),
    )
    grpc_reflection: bool = _setting(
        "bool",
        False,
        "Answers gRPC server reflection (v1, v1alpha), with which tools such as grpcurl list services. "
        "Where tokens are needed, it needs one.",
        "A server need not describe itself to whoever asks.",
    )
    grpc_keepalive_s: float = _setting(
        "s",
        60.0,
        "A connection on which nothing comes for this long is pinged, and closed without an answer in 20 s.",
        "Finds clients that vanished. 0: after two hours, as gRPC has it by itself.",
        minimum=0,
        maximum=86400,
    )
    grpc_max_connection_age_s: float = _setting(
        "s",
        0.0,
        "A connection this old is closed by GOAWAY: calls on it finish, the client connects anew.",
        "Lets balancers in front of several collectors spread clients again. 0: no limit.",
        minimum=0,
        maximum=86400 * 365,
    )
    grpc_max_connection_age_grace_s: float = _setting(
        "s",
        30.0,
        "How long the calls on such a connection may take to finish.",
        "Far longer than a commit.",
        minimum=0,
        maximum=3600,
    )


@dataclass(frozen=True)
class WebConfig:
    """Where questions are answered."""

    listen: str = _setting(
        "address",
        "127.0.0.1:4319",
        "Address of the REST API, HOST:PORT.",
        "The port after those of OTLP. Beyond loopback only with authentication. Port 0 picks a "
        "free one.",
        flag="--web",
    )


@dataclass(frozen=True)
class IngestConfig:
    """How the writer groups requests into transactions."""

    backlog: bool = _setting(
        "bool",
        True,
        "Requests are answered when they are in a file beside the database and synced, before their "
        "commit, as long as no more than twice `group_max_bytes` wait for theirs, nor half of `limits.max_inflight_bytes`. Questions wait for that commit, and "
        "what a crash leaves in the file is committed at the next start. Else an answer waits for its commit.",
        "A sync takes milliseconds and a commit 30, a checkpoint half a second; and requests that need "
        "not wait for each other share commits.",
    )
    group_max_bytes: int = _setting(
        "bytes",
        32 * _MIB,
        "Bytes of requests committed in one transaction, at most, and no more than a quarter of `limits.max_inflight_bytes`; one larger request goes alone.",
        "Enough for as many spans as `group_max_rows`, of half a kilobyte each, or for a row group of a kilobyte each. "
        "Larger groups cost memory.",
        minimum=_KIB,
    )
    group_max_rows: int = _setting(
        "count",
        61_440,
        "Spans, log records and points committed in one transaction, at most; one larger request "
        "goes alone. With a multiple of 30,720, which costs the least at full load, the spans of a request may be in several. "
        "No more than 30,720 for each 96 MiB of `store.memory_limit_bytes`; where the engine's memory does not hold a commit, the next are smaller.",
        "Two row groups: DuckDB writes one that is whole to the file at once, and all else first to its log; and two share "
        "what a commit costs whatever its size, and the last block of what it writes. More cost memory.",
        minimum=1,
    )
    group_max_wait_ms: int = _setting(
        "ms",
        1000,
        "How long the writer waits, at most, for requests that can share a commit. It does not when a question "
        "waits for that commit, when the group is as large as it may be, or at a quarter of `group_max_bytes` where spans are so large that they fill no row group. Without a backlog it waits only for "
        "requests that are being decoded, and those of senders that were just answered.",
        "Sharing a commit saves its fixed cost of about 30 ms. 0: commit at once what is there.",
        minimum=0,
        maximum=60_000,
    )
    decoder: str = _setting(
        "choice",
        "auto",
        "Which decoder takes OTLP in protobuf: `native`, which is in Rust, or `python`. Both make the "
        "same rows. `native` ends the start when `stepscope-native` is not installed.",
        "`auto`: the native one where it is installed, for it is ten times as fast; else Python.",
        choices=("auto", "native", "python"),
    )


@dataclass(frozen=True)
class StoreConfig:
    """What DuckDB may use."""

    memory_limit_bytes: int = _setting(
        "bytes",
        192 * _MIB,
        "Memory of the database engine. Larger work goes to a temporary directory beside the "
        "database file.",
        "The engine keeps what it has read until this is full or spans come in, and the process takes up to 400 MiB more "
        "than this. "
        "DuckDB's own default, 80 % of the machine, would starve what else runs there.",
        minimum=64 * _MIB,
    )
    threads: int = _setting(
        "count",
        0,
        "Threads of the database engine.",
        "0: as many as the machine has cores. Questions have them; under load, while nobody asks, commits use one.",
        minimum=0,
        maximum=1024,
    )
    temp_limit_bytes: int = _setting(
        "bytes",
        16 * _GIB,
        "Size of the temporary directory; a question that needs more fails.",
        "A runaway question must not fill the disk that the history needs.",
        minimum=0,
    )
    checkpoint_threshold_bytes: int = _setting(
        "bytes",
        32 * _MIB,
        "Size of the write-ahead log at which the engine moves its content into the database file.",
        "Larger: commits wait less often but longer, rows of small commits take more memory, and a start after a crash "
        "replays more.",
        minimum=_MIB,
    )
    verify_s: float = _setting(
        "s",
        0.3,
        "For so long a start reads the database file at most and compares the checksums of its blocks, to find damage "
        "while the file can still be set aside. The rest is read while the collector runs, with a fiftieth of a core, and a "
        "file that is found damaged then is set aside as well. If a block in use fails, the start reads all rows, "
        "however long that takes.",
        "Gigabytes, with `stepscope-native` and a file that is in memory; without either tens of megabytes. 0: not read, "
        "later neither; damage is found when a question meets it.",
        minimum=0,
        maximum=86400,
    )


@dataclass(frozen=True)
class SqlConfig:
    """Limits of SQL that somebody typed. Memory is limited for the whole store."""

    timeout_s: float = _setting(
        "s",
        30.0,
        "A statement that runs longer, its answer included, is interrupted, and its answer is an error a second later "
        "at most.",
        "Enough for a scan of tens of millions of spans. 0: no limit.",
        minimum=0,
        maximum=86400,
    )
    max_rows: int = _setting(
        "count",
        10_000,
        "Rows of an answer in JSON; the rest is cut off and the answer says so. The streamed formats "
        "(NDJSON, CSV, Arrow) are cut only when the question asks for it.",
        "More than a person reads. 0: no limit.",
        minimum=0,
    )
    max_concurrent: int = _setting(
        "count",
        4,
        "Statements of users that run at the same time; others wait. As many again may go on after their time, "
        "where nothing ends them; then further ones are refused.",
        "They share the memory and threads of the store with everything else.",
        minimum=1,
        maximum=256,
    )
    slow_s: float = _setting(
        "s",
        5.0,
        "A statement that takes this long, its answer included, is written to the log: text, time, "
        "rows, who asked, and the names of its parameters without their values.",
        "Longer than people like to wait. 0: none is written.",
        minimum=0,
        maximum=86400,
    )


@dataclass(frozen=True)
class McpConfig:
    """How the history is told to language models."""

    max_tokens: int = _setting(
        "count",
        8_000,
        "Length of an answer over MCP, in tokens estimated as a third of its bytes; what is cut is told "
        "with the way to it. A call may ask for another length.",
        "Clients refuse or cut answers beyond some 10,000 to 25,000 tokens, and say less about it.",
        minimum=500,
        maximum=1_000_000,
    )
    allow_delete: bool = _setting(
        "bool",
        False,
        "Whether the tools `delete_execution` and `clear_workflow` are there. Over HTTP they need a token "
        "of the scope `admin` once there are tokens; `stepscope mcp` has them with this setting of its own.",
        "A model may be talked into deleting by what it reads in the history.",
    )


@dataclass(frozen=True)
class ExecutionsConfig:
    """What counts as an execution that still runs."""

    lost_after_s: int = _setting(
        "s",
        300,
        "An execution without end and without any sign of life for this long has the status `lost`. "
        "A later sign of life makes it `running` again. Where an engine sends no heartbeats, three times the "
        "99th percentile of its workflow's durations counts, if that is longer.",
        "Several heartbeats of the exporter may go missing before it is reached.",
        minimum=1,
    )


@dataclass(frozen=True)
class ProfilesConfig:
    """How spans become executions and steps."""

    dir: str = _setting(
        "directory",
        "",
        "Directory with profiles of your own, files `*.toml`, beside those that are shipped. One of the "
        "same name takes the shipped one's place. Read at the start and at SIGHUP.",
        "Default: `profiles` in the data directory, if there is one.",
    )

    def path(self, data_dir: Path) -> Path | None:
        """The directory; None: there is none, and none was named."""
        if self.dir:
            return Path(self.dir)
        default = data_dir / "profiles"
        return default if default.is_dir() else None


@dataclass(frozen=True)
class LogConfig:
    """What the server says on stderr."""

    level: str = _setting(
        "choice",
        "info",
        "Least severity that is written to stderr.",
        "info: start, stop and migrations; debug: every batch.",
        choices=("debug", "info", "warning", "error"),
    )
    format: str = _setting(
        "choice",
        "text",
        "Form of the lines on stderr: text for people, or one JSON object per line.",
        "json is for programs that gather logs.",
        choices=("text", "json"),
    )


@dataclass(frozen=True)
class Settings:
    """All settings. Values given in code are taken as they are; `load` checks those of users."""

    data: DataConfig = field(default_factory=DataConfig)
    otlp: OtlpConfig = field(default_factory=OtlpConfig)
    web: WebConfig = field(default_factory=WebConfig)
    auth: AuthConfig = field(default_factory=AuthConfig)
    tls: TlsConfig = field(default_factory=TlsConfig)
    tenants: TenantsConfig = field(default_factory=TenantsConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    ingest: IngestConfig = field(default_factory=IngestConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    sql: SqlConfig = field(default_factory=SqlConfig)
    mcp: McpConfig = field(default_factory=McpConfig)
    executions: ExecutionsConfig = field(default_factory=ExecutionsConfig)
    retention: RetentionConfig = field(default_factory=RetentionConfig)
    profiles: ProfilesConfig = field(default_factory=ProfilesConfig)
    log: LogConfig = field(default_factory=LogConfig)
    tee: TeeConfig = field(default_factory=TeeConfig)
    telemetry: TelemetryConfig = field(default_factory=TelemetryConfig)
    shutdown: ShutdownConfig = field(default_factory=ShutdownConfig)


def all_settings() -> tuple[Setting, ...]:
    """Every setting, in the order of the tree."""
    found = []
    for section in fields(Settings):
        assert section.default_factory is not MISSING
        for each in fields(section.default_factory()):
            if "setting" not in each.metadata:  # `[[tee.to]]`, which load.py knows
                continue
            about: Setting = each.metadata["setting"]
            found.append(
                Setting(
                    f"{section.name}.{each.name}",
                    *(getattr(about, part.name) for part in fields(Setting)[1:]),
                )
            )
    return tuple(found)
