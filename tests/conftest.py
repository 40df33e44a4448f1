"""What every test needs: the Hypothesis profiles. Anything else belongs beside the tests that use it."""

import os

from hypothesis import HealthCheck, settings

# No deadline: the machine of CI is shared, and a timed assertion would be one (docs/conventions.md).
settings.register_profile(
    "dev", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "ci",
    max_examples=200,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
