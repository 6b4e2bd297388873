"""Write the table of settings into the README (`make readme`)."""

import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- settings -->", "<!-- /settings -->"

before, mark, rest = README.read_text(encoding="utf-8").partition(BEGIN)
_, end_mark, after = rest.partition(END)
if not (mark and end_mark):
    sys.exit(f"README.md has no {BEGIN} … {END}")
command = [sys.executable, "-m", "service.cli", "settings", "--markdown"]
table = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
README.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
