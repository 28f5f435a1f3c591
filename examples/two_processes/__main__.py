"""What ``python -m examples.two_processes`` runs."""

from examples.two_processes.command import main

main()
