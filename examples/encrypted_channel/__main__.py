"""What ``python -m examples.encrypted_channel`` runs."""

import sys

from examples.encrypted_channel.command import main

sys.exit(main())
