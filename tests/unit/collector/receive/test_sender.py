"""What stands in the column `sender`."""

import pytest

from stepscope_collector.receive.sender import sender_of


@pytest.mark.parametrize(
    ("token", "agent", "said"),
    [
        ("", "", "::1"),
        ("ci", "", "::1 (token ci)"),
        ("", "OTel/1", "::1 (OTel/1)"),
        ("ci", "OTel/1", "::1 (token ci; OTel/1)"),
        ("", "a\x1b[31m\nb", "::1 (a?[31m?b)"),
        ("", "x" * 500, f"::1 ({'x' * 120})"),
    ],
)
def test_a_sender_is_its_address_and_what_is_known_of_it(token: str, agent: str, said: str) -> None:
    """OTLP: G21: a user agent is text of a stranger."""
    assert sender_of("::1", token, agent) == said
