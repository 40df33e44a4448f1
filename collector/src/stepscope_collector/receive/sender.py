"""Says who sent a request, for `stored.rejections`. Pure."""

from functools import lru_cache
from typing import Final

__all__ = ["sender_of"]

_MAX_AGENT_CHARACTERS: Final = 120
"""The stock exporters need 60."""


def sender_of(address: str, token: str, user_agent: str) -> str:
    """`ADDRESS (token NAME; USER AGENT)`, as far as known.

    Args:
        address: of the client, without port.
        token: name of its token; "" when none was needed.
        user_agent: as sent; what is not printable becomes `?`, and a long one is cut.
    """
    return _said(address, token, user_agent[:_MAX_AGENT_CHARACTERS])


@lru_cache(maxsize=256)  # a client says the same with each request
def _said(address: str, token: str, user_agent: str) -> str:
    agent = "".join(each if each.isprintable() else "?" for each in user_agent)
    more = "; ".join(filter(None, (f"token {token}" if token else "", agent)))
    return f"{address} ({more})" if more else address
