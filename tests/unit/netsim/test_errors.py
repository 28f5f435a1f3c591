"""Errors carry their faults, one line each, and survive pickling."""

import pickle
from pathlib import Path

from netsim.errors import ConfigError, Fault


def test_config_error_survives_pickle_and_prints_one_line_per_fault() -> None:
    """A sweep's worker process hands the same faults to its parent."""
    error = ConfigError((Fault("users.0", "gets no channel"), Fault("name", "missing")))
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert copy.faults == error.faults
    assert str(copy) == "users.0: gets no channel\nname: missing"


def test_config_error_of_one_fault_takes_keys_options_and_files() -> None:
    """One constructor for a single fault, whatever its path is given as."""
    for path in ("users.0", "--out", Path("users.0")):
        error = ConfigError.of(path, "gets no channel")
        assert error.faults == (Fault(str(path), "gets no channel"),)
