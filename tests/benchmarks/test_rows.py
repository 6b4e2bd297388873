"""Every row is measured once, tiny: the code runs and every event is delivered."""

import os
import resource
import shutil

import pytest

from benchmarks.__main__ import ROWS
from benchmarks.bench import SIZES, Bench
from benchmarks.compiling import Unavailable, compiled
from benchmarks.filling import multiply
from benchmarks.load import event_of, loaded
from benchmarks.machine import Quiet
from benchmarks.service import running
from benchmarks.webhook import webhook
from benchmarks.witness import NotDelivered
from service.journal.care import look
from service.journal.reading import Reader


@pytest.fixture(scope="module", autouse=True)
def needs_a_compiler():
    if shutil.which("cc") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no C compiler (cc)")
        pytest.skip("there is no C compiler (cc)")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    bench = Bench(size=SIZES["smoke"], folder=folder, quiet=Quiet(0))
    yield bench
    bench.close()


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_measured(name, bench):
    rows = ROWS[name](bench)

    assert rows
    assert [row for row in rows if row.value is None and not row.how] == []
    assert [row for row in rows if row.value is not None and not row.value > 0] == []


def test_a_script_that_fails_voids_the_figures(bench):
    with bench.running("failing") as service:
        event = event_of("benchbig", bytes="not a number")

        with pytest.raises(NotDelivered, match="finished otherwise than with pass"):
            loaded(service, bench.tools, event=event, count=1)


def test_answers_to_a_load_that_ended_early_belong_to_it(bench):
    with running(bench.folder / "early") as service:
        service.freeze_engine()
        loaded(service, bench.tools, count=40, whole=False, when_sent=enough, wait="accepted")
        service.thaw_engine()

        later = loaded(service, bench.tools, count=10, whole=False)

    assert [line.number for line in later.seen if line.what == "p"] == [*range(40, 50)]
    assert any(line.what == "f" and line.number < 40 for line in later.seen)


def enough():
    raise StopIteration


def test_a_copied_record_is_sound_and_counts_right(bench):
    with running(bench.folder / "copied") as service:
        loaded(service, bench.tools, count=10)
        service.stop()

        runs = multiply(service.state, runs=100)

    damage = {path: found.damage for path, found in look(service.state).items() if found.damage}
    assert (runs, damage) == (100, {})
    assert Reader(service.state).counts()["passed"] == 100
    assert Reader(service.state).outgoing_counts()["sent"] == 200


def test_a_program_is_compiled_once(tmp_path):
    first = compiled("floor", tmp_path).stat().st_mtime_ns

    assert compiled("floor", tmp_path).stat().st_mtime_ns == first


def test_what_webhook_accepts_and_does_not_run_does_not_count(bench):
    if shutil.which("webhook") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("webhook is not installed")
        pytest.skip("webhook is not installed (Debian package `webhook`)")

    with webhook(bench.folder / "losing", bench.tools) as other:
        other.rate("asynchronous", seconds=0.3, outstanding=1)
        resource.prlimit(other.pid, resource.RLIMIT_NOFILE, (30, 30))
        other.rate("asynchronous", seconds=0.3, outstanding=16)

    all_of_few, some_of_many = other.carried_out
    assert all_of_few == 1.0
    assert 0.0 < some_of_many < 1.0


def test_a_missing_webhook_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Unavailable, match="Debian package `webhook`"), webhook(tmp_path, tmp_path):
        pass
