# /// script
# dependencies = ["packaging>=24"]
# ///
"""Declare a package and use it: version 1.10 is newer than 1.9, which texts do not know."""

import os

from packaging.version import Version

service = os.environ["SERVICE"]
published = Version(os.environ["DATA_VERSION"])
installed = Version(os.environ["DATA_INSTALLED"])

if published <= installed:
    print(f"{service} {installed} is up to date.")
elif published.is_prerelease:
    print(f"{service} {published} is a pre-release: nothing to do.")
else:
    print(f"{service} {published} is newer than {installed}: time for an update.")
