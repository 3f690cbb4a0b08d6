"""Start segstudio from a checkout."""

import sys

from segstudio.__main__ import main

sys.exit(main())
