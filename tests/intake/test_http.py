"""What is an event, what is refused and how it is answered (rows IN-1 to IN-29)."""

import json

import pytest

STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}


def test_an_event_is_answered_with_its_run(server, document):
    answer = server.post(document())

    (entry,) = server.accepted(document()["id"])
    assert answer.status == 202
    assert answer.json == {"runs": [entry["run"]]}
    assert answer.headers["Location"] == f"/api/v1/runs/{entry['run']}"
    assert entry["project"] == "sockshop"


def test_the_engine_is_woken_and_the_log_names_run_event_and_sender(server, document, wait_for):
    run = server.post(document()).json["runs"][0]

    wait_for(lambda: any(record["run"] == run for record in server.log()))
    record = next(record for record in server.log() if record["run"] == run)
    assert (record["event"], record["sender"]) == (document()["id"], "127.0.0.1")
    assert record["message"] == "sh.keptn.event.test.triggered accepted, runs next"
    assert "woken for 1" in [record["message"] for record in server.log()]


def test_the_same_event_again_gets_the_run_of_the_first(server, document):
    first = server.post(document())

    again = server.post(document())

    assert again.status == 202
    assert again.json == {"runs": first.json["runs"], "duplicates": 1}
    assert len(server.accepted(document()["id"])) == 1


def test_the_same_id_with_other_content_is_refused(server, document):
    server.post(document())

    answer = server.post(document(subject="changed"))

    assert (answer.status, answer.json["code"]) == (422, "content-conflict")


def test_all_events_of_a_batch_are_accepted_in_order(server, document):
    ids = [f"batch-{number}" for number in range(3)]

    answer = server.post([document(id=id_) for id_ in ids], BATCH)

    assert answer.status == 202
    assert answer.headers["Location"] == "/api/v1/runs"
    assert answer.json["runs"] == [server.accepted(id_)[0]["run"] for id_ in ids]
    assert answer.json["runs"] == sorted(answer.json["runs"])


def test_an_empty_batch_is_accepted(server):
    assert server.post([], BATCH).json == {"runs": []}


def test_a_batch_with_one_bad_event_is_refused_as_a_whole(server, document):
    answer = server.post([document(id="good-one"), document(type="")], BATCH)

    assert answer.status == 400
    assert answer.json["message"].startswith("event 1 of the batch: ")
    assert server.accepted("good-one") == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"null",
        b"5",
        b'"x"',
        b"[]",
        b"{}",
        b'{"specversion": NaN}',
        b"\xff\xfe{\x00}\x00",
        b'{"specversion":"1.0","id":"\xe9"}',
        b"[" * 65 + b"]" * 65,
        b"[" * 100_000,
        b'{"data":{"project":"a","project":"b"}}',
        b'{"specversion":' + b"1" * 5000 + b"}",
    ],
)
def test_what_is_not_an_event_is_refused_with_a_code_a_sentence_and_a_reference(server, body):
    answer = server.post(body)

    assert answer.status == 400
    assert set(answer.json) == {"code", "message", "reference"}
    assert answer.json["code"] == "bad-event"


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_a_missing_attribute_is_named_and_never_filled_in(server, document, name):
    answer = server.post(document(**{name: ...}))

    assert answer.status == 400
    assert f"'{name}'" in answer.json["message"]


def test_a_legacy_event_without_id_is_a_duplicate_the_second_time(server, document):
    legacy = document(specversion="0.2", id=..., time=...)
    server.post(legacy)

    assert server.post(legacy).json["duplicates"] == 1


def test_binary_mode_decodes_percent_signs_once(server):
    headers = {"ce-specversion": "1.0", "ce-id": "bin%20%2541", "ce-source": "test", "ce-type": "x"}

    answer = server.post(b'{"a": 1}', headers | {"Content-Type": "application/json"})

    assert answer.status == 202
    assert server.accepted("bin %41")[0]["document"]["data"] == {"a": 1}


@pytest.mark.parametrize("text", ["a%0d%0aX: y", "a%00b"])
def test_control_characters_in_an_attribute_are_refused_and_not_reflected(server, text):
    headers = {"ce-specversion": "1.0", "ce-id": text, "ce-source": "test", "ce-type": "x"}

    answer = server.post(b"", headers)

    assert answer.status == 400
    assert answer.json["message"].isprintable()
    assert not {"\r", "\0"} & set("".join(r["message"] for r in server.log()))


def test_structured_mode_wins_over_attribute_headers(server, document):
    answer = server.post(document(), STRUCTURED | {"ce-id": "other", "ce-specversion": "1.0"})

    assert answer.status == 202
    assert len(server.accepted(document()["id"])) == 1
    assert server.accepted("other") == []


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {}])
def test_an_event_under_another_media_type_is_refused(server, document, headers):
    answer = server.post(document(), headers)

    assert (answer.status, answer.json["code"]) == (415, "unsupported-media-type")


def test_a_compressed_body_is_refused(server, document):
    assert server.post(document(), STRUCTURED | {"Content-Encoding": "gzip"}).status == 415


def test_a_body_at_the_limit_is_taken(server, document):
    room = (1 << 20) - len(json.dumps(document(data={"pad": ""})))

    assert server.post(document(data={"pad": "x" * room})).status == 202
    assert server.post(document(data={"pad": "x" * (room + 1)})).status == 413


@pytest.mark.parametrize("project", ["a/b", "..", "a" * 129, "-rf", "a\nb"])
def test_a_project_with_an_invalid_name_is_refused(server, document, project):
    answer = server.post(document(data={"project": project}))

    assert (answer.status, answer.json["code"]) == (400, "invalid-name")
    assert answer.json["message"].isprintable()


def test_an_event_without_project_of_another_family_gets_the_default(server, document):
    server.post(document(type="org.example.thing.happened", data=...))

    assert server.accepted(document()["id"])[0]["project"] == "default"


def test_an_id_that_looks_like_a_path_is_only_text(server, document):
    answer = server.post(document(id="../../../../tmp/x"))

    assert answer.status == 202
    assert ".." not in answer.headers["Location"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "TRACE", "PATCH"])
def test_other_methods_on_the_event_path_are_refused(server, method):
    answer = server.request(method, "/")

    assert (answer.status, answer.headers["Allow"]) == (405, "POST, OPTIONS")


def test_options_grants_deliveries_to_a_web_hook_sender(server):
    answer = server.request("OPTIONS", "/", headers={"WebHook-Request-Origin": "example.org"})

    assert (answer.status, answer.headers["Allow"]) == (200, "POST, OPTIONS")
    assert answer.headers["WebHook-Allowed-Origin"] == "*"
    assert answer.headers["WebHook-Allowed-Rate"] == "*"


def test_options_without_an_origin_grants_none(server):
    assert server.request("OPTIONS", "/").headers["WebHook-Allowed-Origin"] is None


def test_an_unreachable_journal_is_answered_with_when_to_come_back(server, document):
    answer = server.post(document(id="unavailable"))

    assert (answer.status, answer.json["code"]) == (503, "journal-unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_an_internal_error_shows_the_sender_only_a_reference(server, document):
    answer = server.post(document(id="unexpected"))

    assert answer.status == 500
    assert answer.json == {"code": "internal-error", "reference": answer.json["reference"]}
    record = next(r for r in server.log() if r["reference"] == answer.json["reference"])
    assert "ZeroDivisionError: secret detail" in record["trace"]


def test_answers_name_no_version(server, document):
    for answer in (server.post(document()), server.post(b"x"), server.request("GET", "/nowhere")):
        assert answer.headers["Server"] == "gunicorn/asgi"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_other_paths_belong_to_the_api(server, document):
    assert server.request("GET", "/healthz").content == b"ok\n"
    assert server.post(document(), path="/elsewhere").json["code"] == "not-found"


def test_while_draining_events_are_refused(start_server, document):
    server = start_server(path="/events")
    server.drain_mark.touch()

    answer = server.post(document(), path="/events")

    assert (answer.status, answer.json["code"]) == (503, "draining")
    assert server.request("GET", "/").status == 404
