"""The journal under faults, row by row: RL-3 to RL-8, RL-12, RL-15, and what they promise."""

import json
import os
import random
import resource
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib.resources import files

import pytest

TASK = "sh.keptn.event.test.triggered"
SLOW = "sh.keptn.event.slow.triggered"
PAGE = 4096
MANY = 12


@pytest.fixture
def service(serve, signing):
    scripts = {
        "test.triggered.sh": signing("ran"),
        "slow.triggered.sh": signing("began") + "sleep 2\n" + signing("ended"),
    }
    return serve(scripts)


@pytest.fixture
def ran(service, event):
    """A service that has run some tasks and was stopped; the tasks."""
    service.start()
    tasks = [event(TASK, data={"large": "x" * 3000}) for _ in range(MANY)]
    for run in [service.send(task) for task in tasks]:
        service.wait_for(run)
    for task in tasks:
        service.sink.wait_for(2, trigger=task["id"])
    assert service.stop() == 0
    return tasks


def limit_files(service, name, size):
    """Let no file of a process grow beyond *size*: writing fails as on a full disk."""
    pid = service.processes()[name]
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def unready(service):
    answer = service.get("/readyz")
    return "; ".join(answer.json()["reasons"]) if answer.status_code == 503 else ""


def alarms(service):
    lines = [line for line in service.log.read_text().splitlines() if line.startswith("{")]
    return [record["alarm"] for record in map(json.loads, lines) if "alarm" in record]


def rows(service, file, select):
    with closing(sqlite3.connect(service.state / file)) as database:
        return database.execute(select).fetchall()


def overwrite(path, at, content):
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.promise("R18")
def test_rl_3_an_event_that_cannot_be_written_down_is_refused_and_then_taken(service, event, until):
    service.start()
    limit_files(service, "worker", 1)
    task = event(TASK)

    refused = service.post(task)

    told = until(lambda: unready(service))
    limit_files(service, "worker", resource.RLIM_INFINITY)
    until(service.ready)
    run = service.send(task)
    assert (refused.status_code, refused.json()["code"]) == (503, "journal-unavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert told.startswith("inbox.db cannot be written")
    assert service.wait_for(run)["state"] == "passed"
    assert len(service.signs(task["id"])) == 1


@pytest.mark.promise("R18")
def test_r18_when_no_file_can_grow_nothing_is_accepted_and_nothing_is_lost(service, event, until):
    """A full disk for everybody, not only for the superuser: neither file takes a byte more."""
    service.start()
    slow = [event(SLOW) for _ in range(3)]
    runs = [service.send(task) for task in slow]
    service.wait_for_signs(3)
    engine = service.processes()["engine"]
    for name in ("engine", "worker"):
        limit_files(service, name, 1)

    refused = [service.post(event(TASK)).status_code for _ in range(5)]
    service.wait_for_signs(6)

    for name in ("engine", "worker"):
        limit_files(service, name, resource.RLIM_INFINITY)
    assert refused == [503] * 5
    assert [service.wait_for(run)["state"] for run in runs] == ["passed"] * 3
    until(service.ready)
    assert service.wait_for(service.send(event(TASK)))["state"] == "passed"
    for task in slow:
        assert len(service.sink.wait_for(2, trigger=task["id"])) == 2
    assert service.processes()["engine"] == engine
    assert len(service.signs()) == 7


@pytest.fixture
def on_a_small_disk(service):
    """The service with its state on a disk of 24 MiB; only the superuser can make one."""
    if os.geteuid() != 0:
        pytest.skip("this machine cannot: only the superuser can mount a small disk")
    service.state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(service.state)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine cannot: mount a small disk ({done.stderr.strip()})")
    yield service
    if service.process.poll() is None:
        service.stop()
    subprocess.run(["umount", "--lazy", str(service.state)], check=True)


def fill(disk):
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * PAGE)
        except OSError:
            return ballast


@pytest.mark.promise("R18")
def test_rl_4_a_full_disk_refuses_events_and_records_what_runs(on_a_small_disk, event, until):
    service = on_a_small_disk.start()
    slow = [event(SLOW) for _ in range(3)]
    runs = [service.send(task) for task in slow]
    service.wait_for_signs(3)
    ballast = fill(service.state)

    states = [service.wait_for(run)["state"] for run in runs]

    told = until(lambda: unready(service))
    refused = service.post(event(TASK))
    ballast.unlink()
    until(service.ready)
    late = service.wait_for(service.send(event(TASK)))
    assert states == ["passed"] * 3
    for task in slow:
        assert len(service.sink.wait_for(2, trigger=task["id"])) == 2
    assert told == "the disk is full"
    assert refused.status_code == 503
    assert late["state"] == "passed"
    assert alarms(service) == ["disk-full", "disk-room"]


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("inbox.db", "half"),
        ("inbox.db", "bit"),
        ("record.db", "header"),
        ("record.db", "page"),
    ],
)
def test_rl_6_damage_is_salvaged_at_start_and_nothing_runs_twice(service, ran, event, file, damage):
    path = service.state / file
    size = path.stat().st_size
    if damage == "header":
        overwrite(path, 0, random.Random(1).randbytes(100))
        spoiled = path.read_bytes()
    elif damage == "page":
        overwrite(path, size // PAGE // 2 * PAGE, random.Random(1).randbytes(PAGE))
    elif damage == "half":
        os.truncate(path, size // 2)
    else:
        table, column = {"inbox.db": ("accepted", "document"), "record.db": ("run", "reason")}[file]
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute(f"UPDATE {table} SET {column} = {column} || ' ' WHERE seq = 7")

    service.start()

    new = event(TASK)
    assert service.wait_for(service.send(new))["state"] == "passed"
    assert len(service.sink.wait_for(2, trigger=new["id"])) == 2
    for task in ran:
        assert len(service.signs(task["id"])) == 1
        assert len(service.sink.of(trigger=task["id"])) == 2
    assert alarms(service) == ["journal-damaged"]
    [kept] = service.state.glob(f"{file}.damaged-*Z")
    assert damage != "header" or kept.read_bytes() == spoiled
    [(report,)] = rows(service, file, "SELECT value FROM meta")
    assert json.loads(report)["kept_as"] == str(kept)


@pytest.mark.usefixtures("ran")
def test_rl_6_when_nothing_can_be_read_the_service_names_the_command(service, event):
    path = service.state / "record.db"
    path.write_bytes(random.Random(1).randbytes(path.stat().st_size))

    refused = service.command("serve")
    looked = service.command("repair", "--json")
    discarded = service.command("repair", "--discard", "--json")

    command = f"genexec repair --discard --state-dir {service.state}"
    assert refused.returncode == 65
    assert command in refused.stderr
    assert "Traceback" not in refused.stderr
    assert looked.returncode == 1
    assert json.loads(looked.stdout)["damage"][str(path)] == ["file is not a database"]
    assert discarded.returncode == 0, discarded.stderr
    [done] = json.loads(discarded.stdout)["salvaged"]
    assert done["file"] == str(path)
    service.start()
    assert service.wait_for(service.send(event(TASK)))["state"] == "passed"
    assert len(service.signs()) == MANY + 1


def test_damage_that_is_met_while_running_is_salvaged(service, ran, event, until):
    """The service looks at its journal, and goes on, when a process of it has met damage."""
    service.start()
    before = service.processes()
    with closing(sqlite3.connect(service.state / "record.db")) as database:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'attempt'"
        (root,) = database.execute(query).fetchone()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    overwrite(service.state / "record.db", (root - 1) * PAGE, b"\xff" * PAGE)
    service.kill("engine")

    new = event(TASK)
    run = service.send(new)

    until(lambda: "journal-damaged" in alarms(service))
    service.wait_until_ready()
    assert service.wait_for(run)["state"] == "passed"
    assert service.process.pid == before["supervisor"]
    for task in ran:
        assert len(service.signs(task["id"])) == 1


def test_rl_7_repair_is_refused_while_the_service_runs(service):
    service.start()
    began = time.monotonic()

    refused = service.command("repair", "--salvage")

    assert refused.returncode == 65
    assert "another instance of the service" in refused.stderr
    assert time.monotonic() - began < 5
    assert service.ready()


def test_rl_8_a_journal_of_a_newer_version_is_refused(service, ran):
    with closing(sqlite3.connect(service.state / "inbox.db", isolation_level=None)) as database:
        database.execute("PRAGMA user_version = 99")
    before = (service.state / "inbox.db").read_bytes()

    refused = service.command("serve")

    assert ran
    assert refused.returncode == 65
    assert "was written by a newer version of the service (format 99" in refused.stderr
    assert (service.state / "inbox.db").read_bytes() == before


def test_rl_8_a_journal_of_the_first_version_is_migrated(service, event):
    service.state.mkdir(mode=0o700)
    for name, mark in (("inbox", 0x67654E49), ("record", 0x67654E52)):
        with closing(sqlite3.connect(service.state / f"{name}.db")) as database:
            database.executescript(files("service.journal").joinpath(f"{name}.sql").read_text())
            database.execute(f"PRAGMA application_id = {mark}")
            database.execute("PRAGMA user_version = 1")

    service.start()

    assert rows(service, "record.db", "PRAGMA user_version") == [(3,)]
    assert service.wait_for(service.send(event(TASK)))["state"] == "passed"


def test_rl_12_a_dead_letter_is_sent_again_with_the_same_id(service, event, until):
    service.start()
    service.sink.answer = lambda event: 400 if event["type"].endswith("finished") else 202
    task = event(TASK)
    service.wait_for(service.send(task))
    [letter] = until(lambda: json.loads(service.command("dead", "--json").stdout))
    service.sink.answer = lambda event: 202

    said = service.command("resend", letter["id"])

    assert (said.returncode, said.stdout) == (0, "1 events are sent again now\n")
    finished = service.sink.wait_for(1, trigger=task["id"], type_="finished")
    assert [one["id"] for one in finished] == [letter["id"]]
    assert letter["last_error"].endswith("answers 400")
    until(lambda: service.command("dead").stdout == "no dead letters\n")


def test_where_nothing_is_dead_nothing_is_sent_again_and_nothing_is_made(service, tmp_path):
    said = service.command("resend", "--all", "--state-dir", tmp_path / "nothing")

    assert (said.returncode, said.stdout) == (0, "no dead letters\n")
    assert not (tmp_path / "nothing").exists()


def test_rl_12_without_a_running_service_the_next_start_sends_dead_letters(service, event):
    service.start()
    service.sink.answer = lambda event: 422
    tasks = [event(TASK) for _ in range(2)]
    for task in tasks:
        service.wait_for(service.send(task))
    service.stop()
    service.sink.answer = lambda event: 202

    said = service.command("resend", "--all")

    assert (said.returncode, said.stdout) == (
        0,
        "4 events are sent again when the service is started\n",
    )
    service.start()
    for task in tasks:
        kinds = [
            one["type"].rpartition(".")[2] for one in service.sink.wait_for(2, trigger=task["id"])
        ]
        assert kinds == ["started", "finished"]


def test_rl_12_what_is_no_dead_letter_is_not_sent_again(service, ran):
    unknown = service.command("resend", "no-such-event")
    neither = service.command("resend")

    assert ran
    assert (unknown.returncode, neither.returncode) == (65, 2)
    assert "there is no dead letter with the id no-such-event" in unknown.stderr


COUNT = 60


@pytest.mark.promise("R1")
@pytest.mark.promise("R16")
def test_rl_15_r1_r16_ready_soon_after_a_crash_with_much_to_do(service, event, until):
    """Accepted and undelivered events in their hundreds; ready again at once, none lost."""
    service.environment["GENEXEC_AT_ONCE"] = "2"
    service.start()
    service.sink.down()
    undelivered = [event(TASK) for _ in range(COUNT)]
    for run in [service.send(task) for task in undelivered]:
        service.wait_for(run)
    waiting = [event(SLOW) for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(service.send, waiting))
    late = [event(TASK) for _ in range(COUNT)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(service.send, late))
    service.kill()
    service.process.wait()
    service.sink.up()

    began = time.monotonic()
    service.start()
    ready = time.monotonic() - began

    assert ready < 10
    for task in (*undelivered, *waiting, *late):
        events = service.sink.wait_for(2, trigger=task["id"])
        assert [one["type"].rpartition(".")[2] for one in events] == ["started", "finished"]


@pytest.mark.promise("R7")
def test_r7_a_duplicate_is_known_after_its_run_was_forgotten(serve, signing, event, until):
    service = serve({"test.triggered.sh": signing("ran")}, genexec_keep_runs="1s")
    service.start()
    task = event(TASK)
    run = service.send(task)
    service.wait_for(run)
    service.stop()
    from_the_record = "DELETE FROM run"
    with closing(sqlite3.connect(service.state / "record.db", isolation_level=None)) as database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute(from_the_record)
    service.start()

    answer = service.post(task)

    assert answer.json() == {"runs": [run], "duplicates": 1}
    assert len(service.signs(task["id"])) == 1
    assert service.get(answer.headers["location"]).status_code == 404
