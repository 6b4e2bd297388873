"""What a scrape shows, and that the manual and the alerts speak of nothing else."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.figures import (
    Distribution,
    EngineFigures,
    IntakeFigures,
    JournalFigures,
    ProcessFigures,
)
from service.metrics.page import MetricsPage

DOCS = Path(__file__).parents[2] / "docs"
NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
TIMES = Distribution(bounds=(0.1, 1.0), counts=(3, 2, 1), total=4.5)
PROCESS = ProcessFigures(cpu=1.5, memory=4096, files=7)
ENGINE = EngineFigures(
    process=PROCESS,
    isolation="full",
    writable=True,
    running=2,
    at_once=8,
    waiting=3,
    ended={"passed": 5, "interrupted": 1},
    scripts={"sh": {"exit": 4, "deadline": 1}},
    seconds={"sh": TIMES},
    sent=9,
    failed=6,
    dead=1,
    sink=False,
    source=True,
)
INTAKE = IntakeFigures(
    requests={(202, "accepted"): 4, (401, "not-authenticated"): 2},
    events={"accepted": 5, "duplicate": 1},
    seconds=TIMES,
)
JOURNAL = JournalFigures(
    runs={"running": 2, "passed": 5},
    outgoing={"pending": 3, "sent": 9, "dead": 1},
    unfinished=4,
    oldest_unfinished=NOW - timedelta(seconds=90),
    oldest_pending=None,
    size=12345,
)


def scraped(*, engine=ENGINE, journal=JOURNAL, fetching=True):
    """Return the families of a page by name."""
    page = MetricsPage(
        version="1.2.3",
        process=lambda: PROCESS,
        intake=lambda: INTAKE,
        fetching=lambda: fetching,
        writable=lambda: True,
        engine=lambda: engine,
        journal=lambda: journal,
        room=lambda: True,
        queue_limit=100,
        now=lambda: NOW,
    )
    return {family.name: family for family in text_string_to_metric_families(page.text().decode())}


def values(families):
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families.values()
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def shown():
    return values(scraped())


@pytest.mark.parametrize(
    ("sample", "value"),
    [
        (("genexec_build_info", "1.2.3"), 1),
        (("genexec_isolation_info", "full"), 1),
        (("genexec_engine_up",), 1),
        (("genexec_intake_requests_total", "not-authenticated", "401"), 2),
        (("genexec_intake_events_total", "duplicate"), 1),
        (("genexec_events_up",), 1),
        (("genexec_intake_accept_seconds_bucket", "0.1"), 3),
        (("genexec_intake_accept_seconds_bucket", "+Inf"), 6),
        (("genexec_intake_accept_seconds_count",), 6),
        (("genexec_intake_accept_seconds_sum",), 4.5),
        (("genexec_process_resident_memory_bytes", "engine"), 4096),
        (("genexec_process_cpu_seconds_total", "web"), 1.5),
        (("genexec_runs", "passed"), 5),
        (("genexec_runs_ended_total", "interrupted"), 1),
        (("genexec_running_events",), 2),
        (("genexec_queued_events",), 3),
        (("genexec_unfinished_events",), 4),
        (("genexec_unfinished_events_limit",), 100),
        (("genexec_oldest_unfinished_event_age_seconds",), 90),
        (("genexec_oldest_pending_event_age_seconds",), 0),
        (("genexec_scripts_ended_total", "deadline", "sh"), 1),
        (("genexec_script_seconds_count", "sh"), 6),
        (("genexec_events_sent_total",), 9),
        (("genexec_delivery_failures_total",), 6),
        (("genexec_dead_letters_total",), 1),
        (("genexec_outgoing_events", "dead"), 1),
        (("genexec_sink_up",), 0),
        (("genexec_source_up",), 1),
        (("genexec_journal_reserve_held",), 1),
        (("genexec_journal_size_bytes",), 12345),
    ],
    ids=str,
)
def test_a_figure_is_shown(shown, sample, value):
    assert shown[sample] == value


def test_without_the_engine_the_rest_is_shown_and_the_engine_is_down():
    shown = values(scraped(engine=None))

    assert shown["genexec_engine_up",] == 0
    assert shown["genexec_runs", "passed"] == 5
    assert shown["genexec_process_open_fds", "web"] == 7
    assert not any(name.startswith("genexec_isolation") for name, *_ in shown)


@pytest.mark.parametrize(("fetching", "shown"), [(None, None), (False, 0)])
def test_whether_fetched_events_come_is_shown_where_some_are_fetched(fetching, shown):
    assert values(scraped(fetching=fetching)).get(("genexec_events_up",)) == shown


def test_a_journal_that_cannot_be_read_hides_only_what_stands_in_it():
    shown = values(scraped(journal=None))

    assert shown["genexec_journal_readable",] == 0
    assert shown["genexec_events_sent_total",] == 9
    assert "genexec_runs" not in {name for name, *_ in shown}


def test_every_metric_has_our_prefix_and_is_explained():
    families = scraped()

    assert len(families) > 25
    assert [name for name in families if not name.startswith("genexec_")] == []
    assert [name for name, family in families.items() if not family.documentation] == []


def written_names():
    """Return the names of metrics as they are written in a query; the base of a histogram."""
    return {
        f"{name}_total" if family.type == "counter" else name for name, family in scraped().items()
    }


def test_the_manual_lists_exactly_the_metrics_there_are():
    text = (DOCS / "metrics.md").read_text()

    assert set(re.findall(r"^\| `(genexec_\w+)", text, re.MULTILINE)) == written_names()


def alerts():
    [group] = yaml.safe_load((DOCS / "alerts.yaml").read_text())["groups"]
    return group["rules"]


def test_there_are_alerts():
    assert len(alerts()) >= 5


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_only_for_metrics_there_are(rule):
    names = set(re.findall(r"\bgenexec_\w+", rule["expr"]))

    samples = {sample.name for family in scraped().values() for sample in family.samples}
    assert names, rule["expr"]
    assert names <= samples
    assert rule["annotations"]["summary"]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_only_for_labels_there_are(rule):
    asked = re.findall(r"\b(genexec_\w+)\{(\w+)", rule["expr"])

    labels = {
        (sample.name, label)
        for family in scraped().values()
        for sample in family.samples
        for label in sample.labels
    }
    assert set(asked) <= labels
