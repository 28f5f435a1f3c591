"""The command line: reads arguments, calls, prints; knows no physics and no protocol.

Results go to stdout, everything else to stderr. Bad input gets one line per fault and exit code 2.
A command is a module with one function and its examples, registered by one line in
`netsim.cli.app`. Heavy modules are imported inside the function, so that ``--help`` is quick.
"""

from netsim.cli.app import app, main, run_command

__all__ = ["app", "main", "run_command"]
