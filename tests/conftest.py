"""Settings of all tests.

Hypothesis draws the same examples in every run, without a deadline. LDPC codes are grown, not kept:
tests write nothing into the user's cache folder. Processes that tests start inherit that.
"""

import os

from hypothesis import settings

from protocols.reconciliation.ldpc_store import FOLDER_VARIABLE

settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")
os.environ[FOLDER_VARIABLE] = ""
