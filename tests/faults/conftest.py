"""Four senders that keep a collector busy."""

import pytest

from tests.faults.load import Load


@pytest.fixture
def load():
    sending = Load(4)
    yield sending
    sending.give_up()
