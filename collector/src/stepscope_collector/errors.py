"""Every error the collector raises on purpose, and what each means to a client.

    StepscopeError
    ├── ConfigError            a setting is unknown or out of range
    ├── PortTaken              another process listens there
    ├── DatabaseLocked         another process owns the database file
    ├── NewerSchema            the file was written by a newer version
    ├── DatabaseDamaged        the file cannot be opened as a database
    ├── PayloadTooLarge        over a size limit, before or after decompression
    ├── PayloadUndecodable     bytes that are not the message they claim to be
    ├── UnsupportedMedia       a content type or encoding no receiver knows
    ├── Overloaded             the byte budget is used up; try again
    ├── QuotaExceeded          this sender has sent more than its quota; try again
    ├── StoreUnavailable       the store cannot commit now; try again
    ├── Unwritable             the store refuses the rows themselves; a fault of ours
    ├── BadRequest             a question that makes no sense, with a hint
    ├── Unauthenticated        no active token came with the request
    ├── PermissionDenied       its token has not the scope for this
    ├── NotFound               no such execution, workflow or path
    ├── Conflict               something that goes on already stands in the way
    ├── QueryRefused           SQL outside what the guard allows
    ├── QueryTimeout           SQL that ran longer than its limit
    └── ServerUnreachable      the server a command asks does not answer

A class owns its HTTP status, its gRPC status and whether a retry can help; nothing else maps
errors to protocols. Messages are lower case, without full stop: what was wrong, the value, the
limit, the remedy.
"""

__all__ = [
    "BadRequest",
    "ConfigError",
    "Conflict",
    "DatabaseDamaged",
    "DatabaseLocked",
    "NewerSchema",
    "NotFound",
    "Overloaded",
    "PayloadTooLarge",
    "PayloadUndecodable",
    "PermissionDenied",
    "PortTaken",
    "QueryRefused",
    "QueryTimeout",
    "QuotaExceeded",
    "ServerUnreachable",
    "StepscopeError",
    "StoreUnavailable",
    "Unauthenticated",
    "UnsupportedMedia",
    "Unwritable",
]


class StepscopeError(Exception):
    """Base of all errors raised on purpose."""

    code = "internal"
    """Machine-readable name in error bodies."""
    http_status = 500
    grpc_status = "INTERNAL"
    """Name of the member of grpc.StatusCode."""
    is_retryable = False
    retry_after_s = 0
    """Seconds a client should wait; 0: no hint. At most 2, since the Python OTLP exporters give
    a request 10 s in all (OTLP checklist G10)."""
    exit_code = 1
    """Exit code of a command that ends with this error."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        """What to do about it, for error bodies and the command line."""


class ConfigError(StepscopeError):
    """A setting is unknown or out of range."""

    code = "config"
    exit_code = 2


class PortTaken(StepscopeError):
    """Another process listens on the address."""

    code = "port_taken"
    exit_code = 3


class DatabaseLocked(StepscopeError):
    """Another process owns the database file."""

    code = "database_locked"
    http_status = 503
    grpc_status = "UNAVAILABLE"
    exit_code = 4


class NewerSchema(StepscopeError):
    """The database was written by a newer version of Stepscope."""

    code = "newer_schema"
    exit_code = 5


class DatabaseDamaged(StepscopeError):
    """The file cannot be opened as a DuckDB database."""

    code = "database_damaged"
    exit_code = 6


class PayloadTooLarge(StepscopeError):
    """A request is over a size limit (OTLP checklist G2, H13: permanent, never retried)."""

    code = "payload_too_large"
    http_status = 413
    grpc_status = "RESOURCE_EXHAUSTED"


class PayloadUndecodable(StepscopeError):
    """The bytes are not the message they claim to be (OTLP checklist G8, H12)."""

    code = "payload_undecodable"
    http_status = 400
    grpc_status = "INVALID_ARGUMENT"


class UnsupportedMedia(StepscopeError):
    """No receiver knows the content type or encoding (OTLP checklist H8, H21)."""

    code = "unsupported_media"
    http_status = 415
    grpc_status = "UNIMPLEMENTED"


class Overloaded(StepscopeError):
    """The budget of bytes in flight is used up (OTLP checklist G6, H16)."""

    code = "overloaded"
    http_status = 503
    grpc_status = "UNAVAILABLE"
    is_retryable = True
    retry_after_s = 1


class QuotaExceeded(StepscopeError):
    """A sender has sent more than its quota; retryable, unlike a request that is too large.

    OTLP: RESOURCE_EXHAUSTED with RetryInfo, without which clients drop the data; 429 over HTTP.
    """

    code = "quota_exceeded"
    http_status = 429
    grpc_status = "RESOURCE_EXHAUSTED"
    is_retryable = True
    retry_after_s = 1


class StoreUnavailable(StepscopeError):
    """The store cannot commit now: full or read-only disk, or shutting down (H17)."""

    code = "store_unavailable"
    http_status = 503
    grpc_status = "UNAVAILABLE"
    is_retryable = True
    retry_after_s = 1


class StoreOutOfMemory(StoreUnavailable):
    """The memory of the engine does not hold this work beside what else it does; fewer rows at a time may fit."""


class StoreReopening(StoreUnavailable):
    """The file is closed and opened again just now, which ends who reads it; asking again is all it takes."""


class Unwritable(StepscopeError):
    """The store refuses the rows themselves; trying again cannot help, so it is not retryable."""

    code = "unwritable"


class BadRequest(StepscopeError):
    """A question that makes no sense; the hint names the nearest right one."""

    code = "bad_request"
    http_status = 400
    grpc_status = "INVALID_ARGUMENT"
    exit_code = 2


class Unauthenticated(StepscopeError):
    """No active token came with a request (OTLP checklist G11, H18).

    The message says no more than that: who has no token is to learn nothing.
    """

    code = "unauthenticated"
    http_status = 401
    grpc_status = "UNAUTHENTICATED"
    exit_code = 10

    def __init__(self, message: str = "unauthenticated", *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)


class PermissionDenied(StepscopeError):
    """The token of a request has not the scope for it (OTLP checklist G11, H18)."""

    code = "permission_denied"
    http_status = 403
    grpc_status = "PERMISSION_DENIED"
    exit_code = 10


class NotFound(StepscopeError):
    """What was asked for is not in the history."""

    code = "not_found"
    http_status = 404
    grpc_status = "NOT_FOUND"
    exit_code = 7


class Conflict(StepscopeError):
    """Something that goes on already stands in the way."""

    code = "conflict"
    http_status = 409
    grpc_status = "FAILED_PRECONDITION"
    exit_code = 11


class QueryRefused(StepscopeError):
    """SQL that is wrong or outside what the read-only guard allows."""

    code = "query_refused"
    http_status = 400
    grpc_status = "INVALID_ARGUMENT"
    exit_code = 2


class QueryTimeout(StepscopeError):
    """SQL that ran longer than its limit."""

    code = "query_timeout"
    http_status = 408
    grpc_status = "DEADLINE_EXCEEDED"
    exit_code = 8

    @classmethod
    def after(cls, timeout_s: float) -> "QueryTimeout":
        """The error for a statement that met its limit, seconds."""
        return QueryTimeout(
            f"statement ran longer than {timeout_s} s", hint="ask for less, or raise sql.timeout_s"
        )


class ServerUnreachable(StepscopeError):
    """The server that a command asks does not answer, or not as a server of ours."""

    code = "server_unreachable"
    http_status = 502
    grpc_status = "UNAVAILABLE"
    exit_code = 9
