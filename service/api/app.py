"""The addresses of the API, as a Flask application that holds no policy.

`wiring` makes it and puts it behind the intake, which limits and reads every body first. Its
views run in a few threads, health checks among them, so none may keep all threads waiting:
refreshes, the only slow ones, are limited in number.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from threading import BoundedSemaphore
from uuid import uuid4

from flask import Flask, Response, jsonify, request
from flask.json.provider import DefaultJSONProvider
from flask.typing import ResponseReturnValue

from service.api.engine import Door, Engine, Origins
from service.api.ordering import Ordering
from service.api.problems import answer_problems
from service.api.questions import (
    attempt_wanted,
    position_wanted,
    project_named,
    project_wanted,
    run_wanted,
    runs_wanted,
)
from service.api.reading import Reader, RunDetail
from service.api.records import detail_record, summary_record
from service.api.visitor import require_everywhere, require_project, visitor_of
from service.errors import SourceUnavailable, UnknownRun
from service.event import Acceptance
from service.keptn_events import Belonging
from service.runs import Run
from service.strict_json import Json

_REFRESHES = 4
"""At a time; a refresh may take as long as a Git operation may."""


def make_api(
    reader: Reader,
    *,
    origins: Origins,
    engine: Engine,
    door: Door,
    default: Belonging,
    accept: Acceptance,
    now: Callable[[], datetime],
    refresh: Callable[[str], str],
    ready: Callable[[], Sequence[str]],
    status: Callable[[], Mapping[str, Json]],
    metrics: Callable[[], tuple[bytes, str]],
) -> Flask:
    """Return the application.

    *default* is where events belong that do not say so, *accept* how they may look. *refresh*
    looks for new commits of a project and says in words what was found, or raises
    `SourceUnavailable`; *ready* gives the reasons for not being ready; *status* gives what an
    operator asks first, as JSON; *metrics* gives a text and its media type. All are called
    from several threads.
    """
    app = Flask(__name__, static_folder=None)
    app.json = _InOurOrder(app)
    app.url_map.merge_slashes = False  # else a redirect to whatever host the request names
    views = _Views(reader, origins, refresh=refresh, ready=ready, status=status, metrics=metrics)
    orders = Ordering(
        engine=engine,
        door=door,
        origins=origins,
        find=views.found,
        default=default,
        accept=accept,
        new_id=lambda: str(uuid4()),
        now=now,
    )
    for method, rule, view in (
        ("GET", "/healthz", views.health),
        ("GET", "/readyz", views.readiness),
        ("GET", "/metrics", views.metrics),
        ("GET", "/api/v1/status", views.status),
        ("GET", "/api/v1/runs", views.runs),
        ("GET", "/api/v1/runs/<run>", views.run),
        ("GET", "/api/v1/runs/<run>/output/<position>", views.output),
        ("GET", "/api/v1/openapi.json", views.description),
        ("GET", "/api/v1/scripts", orders.scripts),
        ("GET", "/api/v1/scripts/<name>", orders.script),
        ("POST", "/api/v1/explain", orders.explain),
        ("POST", "/api/v1/runs", orders.run),
        ("POST", "/api/v1/runs/<run>/rerun", orders.rerun),
        ("POST", "/api/v1/runs/<run>/cancel", orders.cancel),
        ("POST", "/api/v1/refresh", views.refresh),
        ("POST", "/api/v1/refresh/<project>", views.refresh_one),
    ):
        app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])
    app.after_request(_guard)
    answer_problems(app)
    return app


class _InOurOrder(DefaultJSONProvider):
    """Writes objects as the command line does, and events as they came."""

    sort_keys = False


class _Views:
    """What is answered at each address."""

    def __init__(
        self,
        reader: Reader,
        origins: Origins,
        *,
        refresh: Callable[[str], str],
        ready: Callable[[], Sequence[str]],
        status: Callable[[], Mapping[str, Json]],
        metrics: Callable[[], tuple[bytes, str]],
    ) -> None:
        self._reader = reader
        self._origins = origins
        self._described = files("service.api").joinpath("openapi.json").read_bytes()
        self._refresh = refresh
        self._ready = ready
        self._status = status
        self._metrics = metrics
        self._refreshes = BoundedSemaphore(_REFRESHES)

    def health(self) -> ResponseReturnValue:
        """Say that the process answers, whatever else is the matter."""
        return Response("ok\n", mimetype="text/plain")

    def readiness(self) -> ResponseReturnValue:
        """Say whether events should be sent here."""
        reasons = list(self._ready())
        return jsonify(ready=not reasons, reasons=reasons), 503 if reasons else 200

    def description(self) -> ResponseReturnValue:
        """Return how this API is to be used, as OpenAPI."""
        return Response(self._described, mimetype="application/json")

    def status(self) -> ResponseReturnValue:
        """Return what an operator asks first, and how many runs are in which state."""
        require_everywhere(visitor_of(request.environ))
        return jsonify({**self._status(), "runs": dict(self._reader.counts())})

    def metrics(self) -> ResponseReturnValue:
        """Return figures for a monitoring system; they are about every project."""
        require_everywhere(visitor_of(request.environ))
        text, media_type = self._metrics()
        return Response(text, content_type=media_type)

    def runs(self) -> ResponseReturnValue:
        """Return a page of runs; `next` is the `before` of the page that follows, or null.

        Runs of projects that are not for the visitor are left out; a page may be shorter.
        """
        wanted = runs_wanted(request.args)
        visitor = visitor_of(request.environ)
        if wanted["project"] is not None:
            require_project(visitor, wanted["project"])
        runs = self._reader.runs(**wanted)
        following = runs[-1].seq if len(runs) == wanted["limit"] else None
        seen = self._origins.summaries([run for run in runs if visitor.may_touch(run.project)])
        return jsonify(runs=[summary_record(one) for one in seen], next=following)

    def run(self, run: str) -> ResponseReturnValue:
        """Return everything about one run."""
        detail = self._detail(run)
        (summary,) = self._origins.summaries([detail.run])
        return jsonify({**detail_record(detail), **summary_record(summary)})

    def found(self, run: str) -> Run:
        """Return a run that the visitor may see. Raises `UnknownRun`."""
        return self._detail(run).run

    def output(self, run: str, position: str) -> ResponseReturnValue:
        """Return what one script of a run wrote, as a file that no browser interprets."""
        at = position_wanted(position)
        number = attempt_wanted(request.args)
        detail = self._detail(run)
        numbers = [attempt.number for attempt in detail.attempts if attempt.position == at]
        if not numbers or (number is not None and number not in numbers):
            raise UnknownRun("this run has no such attempt")
        number = number or max(numbers)
        response = Response(
            self._reader.output(detail.run.id, at, number),
            content_type="text/plain; charset=utf-8",
        )
        name = f"{detail.run.id}-{at}-{number}.txt"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def refresh(self) -> ResponseReturnValue:
        """Look for new commits of the project that the body or the query names."""
        return self._refreshed(project_wanted(request))

    def refresh_one(self, project: str) -> ResponseReturnValue:
        """Look for new commits of the project in the path, whatever a web hook's body says."""
        return self._refreshed(project_named(project))

    def _detail(self, run: str) -> RunDetail:
        """Return a run that the visitor may see; to others it does not exist."""
        visible = visitor_of(request.environ).may_touch
        return self._reader.run(run_wanted(run), visible=visible)

    def _refreshed(self, project: str) -> ResponseReturnValue:
        require_project(visitor_of(request.environ), project)
        with self._a_place():
            return jsonify(message=self._refresh(project))

    @contextmanager
    def _a_place(self) -> Iterator[None]:
        if not self._refreshes.acquire(blocking=False):
            raise SourceUnavailable("too many refreshes at once; the scripts are polled anyway")
        try:
            yield
        finally:
            self._refreshes.release()


def _guard(response: Response) -> Response:
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
