"""The table, and the page it is written into."""

import pytest

from benchmarks.__main__ import PAGE
from benchmarks.bench import SIZES, Bench, Row
from benchmarks.machine import Quiet
from benchmarks.report import BEGIN, END, put_into, report


@pytest.fixture
def bench(tmp_path):
    return Bench(size=SIZES["smoke"], folder=tmp_path, quiet=Quiet(0))


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (
            Row(what="speed", value=0.6, at_least=0.5, how="h"),
            "| speed | 0.60 | ≥ 0.5 | yes | h |",
        ),
        (
            Row(what="speed", value=0.4, at_least=0.5, how="h"),
            "| speed | 0.40 | ≥ 0.5 | **no** | h |",
        ),
        (Row(what="wait", value=3.5, at_most=3, how="h"), "| wait | 3.50 | ≤ 3 | **no** | h |"),
        (
            Row(what="warm", value=None, at_least=15, how="why"),
            "| warm | not measured | ≥ 15 | — | why |",
        ),
        (Row(what="aside", value=1.0, how="h"), "| aside | 1.00 | — | — | h |"),
    ],
)
def test_a_row_stands_beside_its_goal(bench, row, line):
    assert line in report(bench, [row], took=1).splitlines()


def test_the_report_says_when_others_were_busy(bench):
    bench.quiet.looks, bench.quiet.noisy = 4, 3

    assert "**others were busy** before 3 of 4 rounds" in report(bench, [], took=1)


def test_the_report_names_no_place_of_this_machine(bench):
    assert str(bench.folder) not in report(bench, [], took=1)


def test_what_is_written_by_hand_is_kept(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Mine\n\n{BEGIN}\nold\n{END}\n\nAlso mine\n", encoding="utf-8")

    put_into(page, "new \\1\n")

    assert page.read_text(encoding="utf-8") == (f"# Mine\n\n{BEGIN}\nnew \\1\n{END}\n\nAlso mine\n")


def test_a_page_without_markers_is_not_touched(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Mine\n", encoding="utf-8")

    with pytest.raises(ValueError, match=r"page\.md does not have"):
        put_into(page, "new\n")


def test_the_page_has_its_markers():
    assert PAGE.read_text(encoding="utf-8").count(BEGIN) == 1
