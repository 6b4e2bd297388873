"""Scripts are kept from the service and from each other, level by level."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.engine.isolation import IsolationMode, Level, insist, level_of
from service.engine.landlock import Landlock
from service.errors import BadSettings

ABI = Landlock().abi
CANNOT = "this machine cannot: its kernel offers Landlock ABI"
full_only = pytest.mark.skipif(ABI < 6, reason=f"{CANNOT} {ABI}, not 6")
some_level = pytest.mark.skipif(ABI < 2, reason=f"{CANNOT} {ABI}, not 2")

AT_AN_OLDER_KERNEL = """
import json, os, sys
from service.engine.isolation import Isolation
from service.engine.landlock import Landlock
from service.engine.protocol import Isolate
from service.engine.sandbox import restrict_self

folder, abi = sys.argv[1], int(sys.argv[2])
restrict_self()
wish = Isolate(True, [sys.prefix, sys.base_prefix], [], [folder], folder, folder, "")
isolation = Isolation(wish, Landlock(abi=abi))
code = (
    "import os\\n"
    "for path in (f'{0}/secret', f'{0}/own/file', '/etc/hosts'):\\n"
    "    try: os.close(os.open(path, os.O_RDONLY)); print('read')\\n"
    "    except OSError as error: print(error.strerror)\\n"
    "try: os.kill({1}, 0); print('reached')\\n"
    "except OSError as error: print(error.strerror)\\n"
).format(folder, os.getpid())
argv = [sys.executable, "-c", code]
start = lambda: os.posix_spawn(argv[0], argv, {})
pid = isolation.start(start, cwd=folder + "/own", script=folder + "/own/x.sh")
os.waitpid(pid, 0)
print(isolation.ready().level)
"""


def lines(execution):
    return execution.output.decode().splitlines()


@pytest.mark.parametrize(
    ("abi", "level", "lacks"),
    [
        (0, Level.NONE, "does not offer Landlock"),
        (1, Level.NONE, "does not offer Landlock"),
        (2, Level.FILES, "does not cover signals and sockets"),
        (5, Level.FILES, "it offers ABI 5"),
        (6, Level.FULL, ""),
        (9, Level.FULL, ""),
    ],
)
def test_the_level_follows_what_the_kernel_offers(abi, level, lacks):
    found, missing = level_of(abi)

    assert found is level
    assert lacks in missing


@pytest.mark.parametrize("mode", IsolationMode)
def test_only_require_refuses_to_do_with_less(mode):
    if mode is IsolationMode.REQUIRE:
        with pytest.raises(BadSettings, match=r"^GENEXEC_ISOLATION=require, but .*ABI 6"):
            insist(mode, *level_of(5))
    else:
        insist(mode, *level_of(5))
    insist(mode, *level_of(6))


@pytest.mark.parametrize("abi", range(2, 8))
def test_an_older_kernel_is_used_as_far_as_it_goes(tmp_path, abi):
    if abi > ABI:
        pytest.skip(f"{CANNOT} {ABI}")
    (tmp_path / "own").mkdir()
    for name in ("secret", "own/file"):
        (tmp_path / name).write_text(name)

    command = [sys.executable, "-c", AT_AN_OLDER_KERNEL, str(tmp_path), str(abi)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path.cwd())

    signal = "Operation not permitted" if abi >= 6 else "reached"
    level = "full" if abi >= 6 else "files"
    expected = ["Permission denied", "read", "read", signal, level]
    assert said.stdout.splitlines() == expected, said.stderr


@full_only
def test_the_runner_says_how_far_it_isolates(bench):
    async def main():
        async with bench() as it:
            return it.ready

    ready = asyncio.run(main())

    assert (ready.level, ready.lacks, ready.remarks) == ("full", "", [])


def test_isolation_can_be_switched_off(bench, make_order, tmp_path):
    (tmp_path / "open").write_text("fine\n")

    async def main():
        async with bench(isolated=False) as it:
            execution = await it.run(make_order(f"cat {tmp_path}/open"))
            return it.ready, execution

    ready, execution = asyncio.run(main())

    assert (ready.level, ready.lacks) == ("off", "it is switched off")
    assert execution.stdout == b"fine\n"


@some_level
def test_what_was_not_allowed_cannot_be_touched(execute, make_order, tmp_path):
    (tmp_path / "note").write_text("x")
    text = f"""
    at={tmp_path}
    cat $at/note; echo y > $at/note; rm $at/note; mv $at/note .; ln $at/note n; ls $at
    echo z > $at/new; truncate -s 0 $at/note; mkdir $at/d
    """

    execution = execute(make_order(text))

    assert (tmp_path / "note").read_text() == "x"
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["blobs", "environments", "note", "runs"]
    assert len(lines(execution)) == 9
    assert all("denied" in line or "cross-device" in line for line in lines(execution))


@some_level
def test_a_script_reads_its_own_file_and_no_other(bench, make_order):
    async def main():
        async with bench() as it:
            other = make_order("echo other")
            await it.run(other)
            await asyncio.sleep(0)
            path = it.blobs / other.blob / other.name
            return await it.run(make_order(f'cat "$0" > /dev/null && cat {path}; ls {it.blobs}'))

    assert [line.endswith("Permission denied") for line in lines(asyncio.run(main()))] == [True] * 2


@some_level
def test_a_script_file_cannot_be_changed_by_scripts(execute, make_order):
    text = 'chmod 700 "$0"; (echo >> "$0") 2>/dev/null || rm "$0" 2>/dev/null || echo kept'

    assert execute(make_order(text)).stdout == b"kept\n"


async def there(look):
    """Return what *look* finds, as soon as it finds something."""
    async with asyncio.timeout(20):
        while not (found := look()):
            await asyncio.sleep(0.01)
    return found


@full_only
def test_two_runs_do_not_reach_each_other(bench, make_order):
    text = """
    sleep 0.3; cd "$1" && echo entered
    ls "$2"; cat "$2/event.json"; echo > "$2/event.json"; cat "/proc/$3/environ"; kill "$3"
    """

    async def main():
        async with bench() as it:
            neighbour = asyncio.create_task(it.run(make_order("echo $$ > pid; sleep 1; echo fine")))
            found = await there(lambda: [p for p in it.runs.glob("run-*/pid") if p.read_text()])
            directory, pid = found[0].parent, found[0].read_text().strip()
            intruder = await it.run(make_order(f"set . {directory} {pid}\n{text}"))
            return intruder, await neighbour

    intruder, neighbour = asyncio.run(main())

    assert neighbour.stdout == b"fine\n"
    assert intruder.stdout == b"entered\n"
    assert len([line for line in lines(intruder) if "ermi" in line]) == 5


@full_only
def test_later_runs_of_a_script_do_not_reach_one_that_is_still_live(bench, make_order):
    text = """
    echo mine > own; [ "$VICTIM" ] || { sleep 60; exit; }
    cat own; ls "$VICTIM"; cat "$VICTIM/own"; echo > "$VICTIM/own"
    """

    async def main():
        async with bench() as it:
            live = asyncio.create_task(it.run(make_order(text)))
            found = await there(lambda: list(it.runs.glob("run-*/own")))
            later = []
            for _ in range(6):
                victim = {"VICTIM": str(found[0].parent)}
                orders = [make_order(text, variables=victim) for _ in range(2)]
                later += await asyncio.gather(*map(it.run, orders))
            kept = found[0].read_text()
            live.cancel()
            await asyncio.wait([live])
            return later, kept

    later, kept = asyncio.run(main())

    assert [execution.stdout for execution in later] == [b"mine\n"] * 12
    assert kept == "mine\n"


@full_only
def test_a_script_cannot_end_the_runner_nor_what_is_not_its_own(bench, make_order, alive):
    async def main():
        async with bench() as it:
            neighbour = asyncio.create_task(it.run(make_order("sleep 0.5; echo fine")))
            await asyncio.sleep(0.2)
            pids = f"{it.process.pid} {it.inner()} {os.getpid()}"
            text = f"for pid in {pids}; do kill -9 $pid; kill -CONT $pid; done; kill -9 -1; echo on"
            killer = await it.run(make_order(text))
            return killer, await neighbour

    killer, neighbour = asyncio.run(main())

    assert neighbour.stdout == b"fine\n"
    assert killer.stdout == b"on\n"
    assert len(lines(killer)) == 7


@full_only
def test_a_script_may_end_what_is_its_own(execute, make_order):
    text = "sleep 60 & setsid sleep 60 & kill $! && kill %1 && wait; timeout 0.1 sleep 60; echo $?"

    assert execute(make_order(text)).stdout == b"124\n"


@some_level
def test_further_places_can_be_allowed(bench, make_order, tmp_path):
    for name in ("read", "write"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(f"{name}\n")
    places = {"readable": [tmp_path / "read"], "writable": [tmp_path / "write"]}
    text = 'cd {0}; cat read/file write/file; echo more >> write/file; echo "$( (>read/f) 2>&1)"'

    async def main():
        async with bench(**places) as it:
            return await it.run(make_order(text.format(tmp_path)))

    execution = asyncio.run(main())

    assert lines(execution)[:2] == ["read", "write"]
    assert lines(execution)[2].endswith("Permission denied")
    assert (tmp_path / "write/file").read_text() == "write\nmore\n"


@some_level
def test_something_hidden_stays_hidden_in_an_allowed_place(bench, make_order, tmp_path):
    config = tmp_path / "config"
    config.mkdir()
    (config / "public").write_text("public\n")
    (config / "token").write_text("secret\n")

    async def main():
        async with bench(readable=[config], hidden=[config / "token"]) as it:
            order = make_order(f"cd {config}; cat public token; echo own > $HOME/f; cat $HOME/f")
            return await it.run(order)

    execution = asyncio.run(main())

    assert execution.stdout == b"public\nown\n"
    assert b"token: Permission denied" in execution.output


@some_level
def test_a_file_that_is_exchanged_later_is_seen(bench, make_order, tmp_path):
    settings = tmp_path / "resolv.conf"
    settings.write_text("old\n")

    async def main():
        async with bench(readable=[settings]) as it:
            order = make_order(f"cat {settings}")
            first = await it.run(order)
            (tmp_path / "new").write_text("new\n")
            (tmp_path / "new").replace(settings)
            deadline = asyncio.get_running_loop().time() + 10
            while (later := await it.run(order)).stdout != b"new\n":
                assert asyncio.get_running_loop().time() < deadline
                await asyncio.sleep(0.2)
            return first, later

    first, later = asyncio.run(main())

    assert (first.stdout, later.stdout) == (b"old\n", b"new\n")


@pytest.mark.skipif(os.getuid() != 0, reason="this machine cannot: only root can lose some")
@some_level
def test_root_has_no_capability_left_that_leads_out(execute, make_order):
    execution = execute(make_order("grep ^CapEff: /proc/self/status"))

    capabilities = int(execution.stdout.split()[1], 16)
    undoing = {"sys_ptrace": 19, "sys_admin": 21, "sys_resource": 24, "perfmon": 38, "bpf": 39}
    assert [name for name, number in undoing.items() if capabilities >> number & 1] == []
