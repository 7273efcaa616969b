"""``python -I -m trivet.worker``."""

from __future__ import annotations

import sys

from trivet.worker.main import main

sys.exit(main(sys.argv[1:]))
