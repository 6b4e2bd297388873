"""What we start, and libraries that print, cannot reach the host."""

import json
import subprocess
import sys

PROGRAM = """
import logging, os, subprocess, time
from service.botkube.hclog import log_to_the_host
from service.botkube.standard_error import keep_for_ourselves
log_to_the_host(keep_for_ourselves())
subprocess.run(["sh", "-c", 'echo "$0"; echo "$0" >&2', '{"@message": 5}'], check=True)
os.write(2, b"x" * 20_000 + b"\\n")
logging.getLogger("ours").warning("done %s", "well", extra={"@level": 7, "number": 3})
time.sleep(0.3)
"""


def lines():
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=20
    )
    assert said.stdout == ""
    return [json.loads(line) for line in said.stderr.splitlines()]


def test_every_line_that_arrives_is_one_of_ours():
    found = lines()

    assert {type(line[key]) for line in found for key in ("@level", "@message", "@timestamp")} == {
        str
    }
    assert [line["@message"] for line in found].count('standard error: {"@message": 5}') == 2


def test_no_line_is_longer_than_the_host_reads():
    assert max(len(json.dumps(line)) for line in lines()) < 64 * 1024


def test_a_record_carries_its_fields():
    (ours,) = [line for line in lines() if line["@module"] == "ours"]

    assert (ours["@level"], ours["@message"], ours["number"]) == ("warn", "done well", 3)
