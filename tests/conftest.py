"""Settings of all tests.

Hypothesis draws the same examples in every run, without a deadline. LDPC codes are grown, not kept:
tests write nothing into the user's cache folder. Processes that tests start inherit that. What is
loaded when tests begin stays: the collector of garbage need not look through it again and again,
which takes a tenth of the time.
"""

import gc
import os

from hypothesis import settings

from protocols.reconciliation.ldpc_store import FOLDER_VARIABLE

settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")
os.environ[FOLDER_VARIABLE] = ""


def pytest_collection_finish() -> None:
    """All modules are loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
