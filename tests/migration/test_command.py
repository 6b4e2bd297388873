"""`genexec migrate` as its user calls it."""

import json

import pytest

SCRIPT = {"generic-executor/test.triggered.sh": "echo $DATA_STAGE\n"}
JOB = {"job/config.yaml": "apiVersion: v2\nactions: []\n"}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ((), 78, "nothing to migrate: name a directory or a Git address"),
        (("/nowhere/at/all",), 75, "/nowhere/at/all is not a directory"),
        (("file:///nowhere/at/all.git",), 75, "the Git remote"),
        ((".", "--write", "/usr"), 78, "/usr is not empty: name a new folder"),
        ((".", "--write", "/nowhere/at/all"), 78, "/nowhere/at is not a directory"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(migrate, words, code, sentence):
    ended, said = migrate(*words)

    assert (ended, said.count("\n")) == (code, 1)
    assert sentence in said


def test_a_repository_without_anything_is_told_so(migrate, write):
    code, said = migrate(write({"deploy.sh": "true\n"}))

    assert code == 65
    assert said.startswith("genexec: nothing of a predecessor was found")


def test_the_repository_is_never_changed_and_nothing_is_run(migrate, write, tmp_path):
    witness = tmp_path / "witness"
    old = write({"generic-executor/test.triggered.sh": f"touch {witness}\nsleep 900\n"})

    migrate(old, "--write", tmp_path / "new")

    assert not witness.exists()
    assert (old / "generic-executor/test.triggered.sh").read_text() == (
        f"touch {witness}\nsleep 900\n"
    )


def test_an_empty_folder_may_be_written_to(migrate, write, tmp_path):
    (tmp_path / "new").mkdir()

    code, said = migrate(write(SCRIPT), "--write", tmp_path / "new")

    assert code == 0
    assert f"1 files written to {tmp_path / 'new'}" in said
    assert {path.name for path in tmp_path.iterdir()} == {"new", "old"}


def test_a_program_gets_json(migrate, write):
    code, said = migrate(write(SCRIPT | JOB), "--json")

    answer = json.loads(said)
    assert (code, answer["exit"], answer["scripts"], answer["layout"]) == (0, 0, "0.8", "folders")
    assert [(file["path"], file["verdict"]) for file in answer["files"]] == [
        ("generic-executor/test.triggered.sh", "runs unchanged"),
        ("job/config.yaml", "runs unchanged"),
    ]


@pytest.mark.parametrize(
    ("origin", "paths"),
    [
        ("0.8", ["generic-executor/test.triggered.sh"]),
        ("0.3", ["generic-executor/test.triggered.sh"]),
        ("job-executor", ["job/config.yaml"]),
    ],
)
def test_from_decides_what_is_looked_at(migrate, write, origin, paths):
    _, said = migrate(write(SCRIPT | JOB), "--json", "--from", origin)

    assert [file["path"] for file in json.loads(said)["files"]] == paths


def test_stages_in_folders_are_recognised(migrate, write):
    files = {".keptn-stages/dev/carts/generic-executor/test.triggered.sh": "true\n"}

    _, said = migrate(write(files))

    assert "layout directories\n" in said


def test_a_file_no_event_reaches_is_work(migrate, write):
    code, said = migrate(write({"a/b/c/d/generic-executor/test.triggered.sh": "true\n"}))

    assert code == 1
    assert "needs work: never looked up in the layout 'folders'" in said


def test_the_report_says_what_it_looked_for(migrate, write):
    _, said = migrate(write(SCRIPT))

    assert "looked for: names, folders" in said
    assert "Not seen: what is put together at run time" in said
