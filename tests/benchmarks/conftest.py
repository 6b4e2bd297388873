"""Makes the package `benchmarks` importable: it is not installed, it stands beside `service`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
