"""Settings of all tests: Hypothesis draws the same examples in every run, without a deadline."""

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")
