"""The settings of what the receivers admit, and of what each tenant may use."""

from dataclasses import dataclass

from stepscope_collector.config.setting import setting as _setting

__all__ = ["LimitsConfig", "TenantsConfig"]

_KIB = 2**10
_MIB = 2**20
# gRPC counts a message in a signed 32-bit number.
_MAX_MESSAGE_BYTES = 2**31 - 1


@dataclass(frozen=True)
class LimitsConfig:
    """What the receivers admit."""

    max_payload_bytes: int = _setting(
        "bytes",
        64 * _MIB,
        "Largest OTLP request, before and after decompression. A larger one is refused for good "
        "(413, RESOURCE_EXHAUSTED).",
        "The largest batch the stock SDKs send is far smaller; gRPC's own default of 4 MiB is not "
        "enough for fat attributes.",
        minimum=_KIB,
        maximum=_MAX_MESSAGE_BYTES,
    )
    max_inflight_bytes: int = _setting(
        "bytes",
        256 * _MIB,
        "Bytes of all requests that are being decoded or wait for their commit, gRPC and HTTP "
        "together. Over it, requests are refused with a hint to try again (503, UNAVAILABLE).",
        "Bounds the memory a flood can take. At least `limits.max_payload_bytes`.",
        minimum=_KIB,
    )
    grpc_workers: int = _setting(
        "count",
        64,
        "OTLP/gRPC requests handled at one time; four times as many may wait, as many while that takes longer than "
        "1 s. Those that come then are refused with a hint to try again (UNAVAILABLE).",
        "Each waits until its rows are on disk, so there are many more than cores; the messages of those "
        "that wait for their turn are not read.",
        minimum=1,
        maximum=1024,
    )
    grpc_max_connections: int = _setting(
        "count",
        1000,
        "Connections to the OTLP/gRPC port at one time; further ones are closed at once.",
        "Each takes a file descriptor. A client has one, whatever it sends.",
        minimum=1,
        maximum=1_000_000,
    )
    sender_bytes_per_s: int = _setting(
        "bytes",
        0,
        "Bytes per second that one sender (a token, else an address) may send, after decompression, with "
        "ten seconds' worth at once. Over it, requests are refused with a hint to try again (429, "
        "RESOURCE_EXHAUSTED with RetryInfo).",
        "0: no quota; a collector for one team needs none.",
        minimum=0,
    )
    max_items: int = _setting(
        "count",
        100_000,
        "Spans, log records or points in one request. A request with more is refused for good (413, "
        "RESOURCE_EXHAUSTED).",
        "Senders batch hundreds to ten thousand. A request of tiny items takes about 20 times its size in "
        "memory while it is decoded.",
        minimum=1,
    )
    max_attributes: int = _setting(
        "count",
        4096,
        "Attributes of one span. A span with more is rejected alone and recorded.",
        "SDKs stop at 128 by themselves; conversations with language models have a few thousand.",
        minimum=1,
    )
    execution_log_records: int = _setting(
        "count",
        0,
        "Log records of one execution. What it logs beyond them is refused through `partial_success`, counted in "
        "view `log_drops` and shown with the execution; the first time of each execution is noted as a rejection.",
        "0: no limit; nothing goes unless asked.",
        minimum=0,
    )
    execution_log_bytes: int = _setting(
        "bytes",
        0,
        "Bytes of the log records of one execution, bodies and attributes as text. What it logs beyond them is "
        "refused in the same way.",
        "0: no limit.",
        minimum=0,
    )
    http_head_bytes: int = _setting(
        "bytes",
        64 * _KIB,
        "Size of the head of a request over HTTP, or of its trailers; a larger one is answered 431.",
        "Common servers take 8 to 64 KiB. gRPC's own limit is 16 KiB.",
        minimum=1 * _KIB,
        maximum=16 * _MIB,
    )
    http_read_timeout_s: float = _setting(
        "s",
        30.0,
        "Time in which the head of a request has to be whole, and then each 64 KiB of its body or the rest of "
        "it. A client that is slower is answered 408 and closed. Over gRPC: for the whole message of a call, which "
        "is then cancelled; 2 s while half of `limits.grpc_workers` wait for one.",
        "Clients that dribble must not hold connections; 64 KiB in 30 s are 17 kbit/s.",
        minimum=0.1,
        maximum=3600,
    )
    http_max_connections: int = _setting(
        "count",
        1000,
        "Connections to each HTTP port at one time; further ones are closed at once.",
        "Each takes a file descriptor, of which a process often has 1024.",
        minimum=1,
        maximum=1_000_000,
    )


@dataclass(frozen=True)
class TenantsConfig:
    """What the store of each tenant may use; all else is as for the collector's own store, for each by itself."""

    memory_limit_bytes: int = _setting(
        "bytes",
        128 * _MIB,
        "Memory of the database engine for each tenant, beside `store.memory_limit_bytes` for the collector's own "
        "store. Larger work goes to a temporary directory beside the tenant's database file.",
        "Less than what a collector's own store has: ten tenants that are all busy take 1.3 GB.",
        minimum=64 * _MIB,
    )
    max_inflight_bytes: int = _setting(
        "bytes",
        64 * _MIB,
        "Bytes of all requests of one tenant that are being decoded or wait for their commit, beside "
        "`limits.max_inflight_bytes`. One request of `limits.max_payload_bytes` is always let in.",
        "So that the flood of one tenant is no reason to refuse another.",
        minimum=_KIB,
    )
