"""Start segstudio from a checkout."""

import sys

try:
    from segstudio import interrupt

    interrupt.end_at_once()
except KeyboardInterrupt:
    sys.stderr.write("error: stopped\n")
    sys.exit(130)

if __name__ == "__main__":  # a process that segstudio starts imports this file under another name
    from segstudio.__main__ import main

    sys.exit(main())
