"""`python -m app.cli` is `studio`."""

import sys

from app.cli import main

sys.exit(main())
