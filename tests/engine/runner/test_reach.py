"""What scripts may touch: the system, not what is hidden in it."""

import pytest

from service.engine.landlock import READ, WRITE
from service.engine.reach import is_within, reach_of


@pytest.fixture
def reach(tmp_path):
    """Ask for the reach with paths below *tmp_path*; roots of the system are left out."""

    def ask(*, readable=(), writable=(), hidden=(), runs_dir="elsewhere/runs"):
        def at(paths):
            return [str(tmp_path / path) for path in paths]

        found = reach_of(
            readable=at(readable),
            writable=at(writable),
            hidden=at(hidden),
            runs_dir=str(tmp_path / runs_dir),
        )

        def named(rights):
            start = f"{tmp_path}/"
            return {p.removeprefix(start): r for p, r in rights.items() if p.startswith(start)}

        return named(found.roots), named(found.pieces), found.remarks

    return ask


@pytest.fixture
def make(tmp_path):
    """Make empty files, with the directories they lie in."""

    def files(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("")

    return files


def test_what_does_not_exist_is_left_out(reach, make):
    make("config/file")

    assert reach(readable=["config", "missing"], writable=["away"])[0] == {"config": READ}


def test_nothing_is_listed_when_nothing_hidden_lies_in_a_root(reach, make):
    make("config/file", "secrets/token")

    roots, pieces, remarks = reach(readable=["config"], hidden=["secrets/token"])

    assert (roots, pieces, remarks) == ({"config": READ}, {}, ())


def test_what_lies_beside_something_hidden_is_allowed_one_by_one(reach, make):
    make("etc/hosts", "etc/ssl/certs", "etc/genexec/token", "etc/genexec/notes")

    roots, pieces, _ = reach(readable=["etc"], hidden=["etc/genexec/token"])

    assert roots == {"etc": READ}
    assert pieces == dict.fromkeys(["etc/hosts", "etc/ssl", "etc/genexec/notes"], READ)


def test_a_hidden_root_is_not_allowed(reach, make):
    make("token", "other")

    assert reach(readable=["token", "other"], hidden=["token"])[1] == {"other": READ}


def test_a_link_beside_something_hidden_does_not_lead_to_it(reach, make, tmp_path):
    """Secrets that Kubernetes mounts are links to a link to a dated directory."""
    make("secrets/..2026_11/token", "secrets/..2026_11/public")
    (tmp_path / "secrets/..data").symlink_to("..2026_11")
    (tmp_path / "secrets/token").symlink_to("..data/token")

    _, pieces, _ = reach(readable=["secrets"], hidden=["secrets/token"])

    assert pieces == {"secrets/..2026_11/public": READ}


def test_a_root_reached_through_a_link_is_judged_by_where_it_leads(reach, make, tmp_path):
    make("data/token", "data/bin/tool")
    (tmp_path / "tools").symlink_to("data")

    _, pieces, _ = reach(readable=["tools"], hidden=["data/token"])

    assert pieces == {"data/bin": READ}


def test_a_link_does_not_lead_into_something_hidden(reach, make, tmp_path):
    """A script that may write where the link is expected could lay it."""
    make("state/mirrors/a.git/config")
    (tmp_path / "tools").symlink_to("state/mirrors")

    assert reach(readable=["tools"], hidden=["state"])[0] == {}


@pytest.mark.parametrize("path", ["", ".", "bin", "../bin"])
def test_a_relative_path_is_no_root(path):
    """`PATH` may have them; they would mean the directory the runner happens to be in."""
    roots = reach_of(readable=[path], writable=[], hidden=[], runs_dir="/runs").roots

    assert roots == reach_of(readable=[], writable=[], hidden=[], runs_dir="/runs").roots


def test_what_was_named_is_allowed_although_something_hidden_lies_between(reach, make):
    make("opt/state/python/bin/python", "opt/state/record.db", "opt/tool")

    _, pieces, _ = reach(readable=["opt", "opt/state/python"], hidden=["opt/state"])

    assert pieces == {"opt/tool": READ, "opt/state/python": READ}


def test_a_writable_place_beside_something_hidden_stays_writable(reach, make):
    make("opt/data/file", "opt/token")

    _, pieces, _ = reach(readable=["opt/data", "opt"], writable=["opt/data"], hidden=["opt/token"])

    assert pieces == {"opt/data": WRITE}


def test_what_was_named_inside_something_hidden_is_allowed(reach, make):
    make("state/record.db", "state/python/bin/python")

    assert reach(readable=["state/python"], hidden=["state"])[0] == {"state/python": READ}


def test_nothing_is_written_where_something_hidden_lies(reach, make, tmp_path):
    make("tmp/state/record.db", "shared/file")

    roots, _, remarks = reach(writable=["tmp", "shared"], hidden=["tmp/state"])

    assert roots == {"shared": WRITE}
    assert remarks == (f"scripts cannot write to {tmp_path}/tmp: {tmp_path}/tmp/state lies in it",)


def test_a_place_for_runs_that_scripts_can_read_is_remarked(reach, make, tmp_path):
    make("shm/work/file")

    _, _, remarks = reach(writable=["shm"], runs_dir="shm/work")

    place = f"{tmp_path}/shm"
    assert remarks == (
        f"scripts can read the directories of other runs: {place}/work lies in {place}",
    )


def test_a_root_within_another_with_the_same_rights_is_not_named_twice(reach, make):
    make("opt/tools/file", "opt/data/file")

    roots, _, _ = reach(readable=["opt", "opt/tools"], writable=["opt/data"])

    assert roots == {"opt": READ, "opt/data": WRITE}


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("/a/b", "/a", True),
        ("/a", "/a", True),
        ("/a", "/", True),
        ("/ab", "/a", False),
        ("/a", "/a/b", False),
    ],
)
def test_a_path_is_within_a_root_by_whole_names(path, root, expected):
    assert is_within(path, root) is expected
