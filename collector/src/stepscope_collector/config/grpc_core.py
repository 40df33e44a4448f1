"""What gRPC's core reads from the environment and has no other setting for."""

import os
from typing import Final

__all__ = ["prepare_grpc"]

_NONE_OF_TLS_1_2: Final = "ECDHE-PSK-AES128-CBC-SHA"
"""A list of cipher suites for TLS 1.2 that nobody can agree on, for there are no shared keys; those of
TLS 1.3 are not chosen by lists. The core offers no other way (tested with grpcio 1.84 and 1.85)."""


def prepare_grpc(min_tls_version: str) -> None:
    """Set the variables for this process, before grpc is imported.

    The core writes a line to stderr for each failed handshake, with which a stranger could fill the
    log: it is silenced, unless the user has asked for its words.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if min_tls_version == "1.3":
        os.environ["GRPC_SSL_CIPHER_SUITES"] = _NONE_OF_TLS_1_2
