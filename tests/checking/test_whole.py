"""Findings about a repository as a whole: shadows, stale copies, links, the order."""

import pytest

from service.checking.whole import check_files
from service.scripts import Layout

NAME = "com.example.push.sh"
ROOT = f"generic-executor/{NAME}"
OTHER = "echo other\n"


@pytest.mark.parametrize(
    ("specific", "general", "whom"),
    [
        (f"shop/dev/carts/{ROOT}", ROOT, "shop/dev/carts"),
        (f"shop/dev/carts/{ROOT}", f"shop/{ROOT}", "shop/dev/carts"),
        (f"shop/dev/carts/{ROOT}", f"shop/dev/{ROOT}", "shop/dev/carts"),
        (f"shop/dev/{ROOT}", f"shop/{ROOT}", "shop/dev"),
        (f"shop/dev/{ROOT}", ROOT, "shop/dev"),
    ],
)
def test_the_more_specific_file_of_a_name_is_run_instead(findings, specific, general, whom):
    assert findings([specific, general]) == [
        f"{specific}: note: is run instead of {general} for {whom}"
    ]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (f"shop/dev/{ROOT}", f"other/{ROOT}"),
        (f"shop/dev/carts/{ROOT}", f"shop/production/{ROOT}"),
        (f"shop/dev/carts/{ROOT}", f"shop/dev/orders/{ROOT}"),
        (f"shop/dev/{ROOT}", "generic-executor/com.example.push.py"),
    ],
)
def test_files_for_others_or_of_other_names_do_not_shadow_each_other(findings, one, two):
    assert findings([one, two]) == []


def test_a_project_shadows_what_all_projects_share(findings):
    assert findings([f"shop/{ROOT}", ROOT]) == [
        f"shop/{ROOT}: note: is run instead of {ROOT} for shop"
    ]


def test_a_name_in_both_spellings_of_the_folder_is_run_from_the_first(findings):
    second = f"genericexecutor/{NAME}"

    assert findings([ROOT, second]) == [f"{ROOT}: note: is run instead of {second} for *"]


def test_in_the_layout_directories_a_stage_shadows_the_project(findings):
    stage = f".keptn-stages/dev/{ROOT}"

    assert findings([stage, ROOT], layout=Layout.DIRECTORIES) == [
        f"{stage}: note: is run instead of {ROOT} for */dev"
    ]


def test_an_unchanged_copy_on_a_stage_branch_keeps_later_changes_from_taking_effect(findings):
    (line,) = findings([f"main:{ROOT}", f"dev:{ROOT}"], layout=Layout.BRANCHES)

    assert line.startswith(f"dev:{ROOT}: warning: a copy of main:{ROOT} that keeps later changes")
    assert line.endswith(" from taking effect for */dev; delete it on this branch")


def test_a_copy_that_differs_may_be_a_stale_one(findings):
    files = {f"main:{ROOT}": "echo new\n", f"dev:{ROOT}": "echo old\n"}

    (line,) = findings(files, layout=Layout.BRANCHES)

    assert line.startswith(f"dev:{ROOT}: warning: differs from main:{ROOT} and is run instead")
    assert "delete it here if it is a stale one" in line


def test_a_copy_is_told_for_every_stage_that_has_it(findings):
    files = [f"{branch}:{ROOT}" for branch in ("main", "dev", "production")]

    lines = findings(files, layout=Layout.BRANCHES)

    assert [line.partition(": ")[0] for line in lines] == [f"dev:{ROOT}", f"production:{ROOT}"]


def test_a_script_of_a_service_on_a_stage_branch_is_no_copy(findings):
    service = f"dev:carts/{ROOT}"
    files = {f"main:{ROOT}": "echo a\n", service: "echo b\n"}

    assert findings(files, layout=Layout.BRANCHES) == [
        f"{service}: note: is run instead of main:{ROOT} for */dev/carts"
    ]


def test_the_default_branch_of_the_repository_decides_what_is_a_copy(findings):
    files = [f"trunk:{ROOT}", f"main:{ROOT}"]

    (line,) = findings(files, layout=Layout.BRANCHES, default_branch="trunk")

    assert line.startswith(f"main:{ROOT}: warning: a copy of trunk:{ROOT}")


def checked(*files):
    return check_files(
        files,
        layout=Layout.FOLDERS,
        default_branch="",
        script_limit=1000,
        variable_names=(),
    )


def test_a_link_that_leaves_the_repository_is_an_error(make_file):
    found, _ = checked(make_file(ROOT, link="/etc/passwd"))

    assert [str(finding) for finding in found] == [
        f"{ROOT}: error: a link that leaves the repository is not followed"
    ]


def test_a_relative_link_that_leaves_the_repository_is_an_error(make_file):
    found, _ = checked(make_file(ROOT, link="../../elsewhere.sh"))

    assert [str(finding) for finding in found] == [
        f"{ROOT}: error: a link that leaves the repository is not followed"
    ]


def test_a_link_to_a_file_of_the_repository_is_a_script_that_can_be_reached(make_file):
    found, reached = checked(make_file(ROOT, link="../lib/push.sh"))

    assert (found, reached) == ([], 1)


def test_scripts_that_an_event_can_reach_are_counted(make_file):
    _, reached = checked(
        make_file(ROOT), make_file(f"a/b/c/d/{ROOT}"), make_file("generic-executor/README.md")
    )

    assert reached == 1


def test_findings_come_in_the_order_of_files(findings):
    paths = [f"z/generic-executer/{NAME}", f"a/generic-executer/{NAME}"]

    assert [line.partition(":")[0] for line in findings(paths)] == sorted(paths)


def test_an_empty_repository_has_no_findings(findings):
    assert findings([]) == []
