"""Start segstudio from a checkout."""

import sys

try:
    from segstudio import interrupt

    interrupt.end_at_once()
except KeyboardInterrupt:
    sys.stderr.write("error: stopped\n")
    sys.exit(130)

from segstudio.__main__ import main

sys.exit(main())
