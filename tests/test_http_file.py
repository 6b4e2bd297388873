"""`.http` files: grammar, placeholders, and how values land.

Holds the pure part of HT-1 to HT-4, HT-10, HT-12, HT-13 and HT-18.
"""

import json
from contextlib import suppress
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadScript
from service.http_file import fill, parse_http_file, placeholders, problems

DATA = {"project": "sockshop", "n": 3, "ok": True, "none": None, "list": [{"k": "deep"}]}
VARIABLES = {
    "PROJECT": "sockshop",
    "STAGE": "dev",
    "DEPLOYMENT": "direct",
    "DEPLOYMENTURILOCAL": "http://local",
    "IMAGE": "",
    "TIMESTRING": "2026-11-21T11:59:58.123Z",
    "TIMEUTCSTRING": "2026-11-21T11:59:58.123Z",
    "TIMEUTCMS": "1795262398123",
    "LABEL_gitcommit": "abc",
    "LABEL_GITCOMMIT": "abc",
    "VALUE_Message": "hello",
    "VALUE_MESSAGE": "hello",
    "ENV_TestToken": "t0p",
    "ENV_TESTTOKEN": "t0p",
    "ENV_HOST": "api.example:8443",
    "ENV_BASE": "https://api.example/base",
}
ENV = {"TestToken": "t0p", "TESTTOKEN": "t0p", "HOST": "api.example:8443"}


def filled(content, data=DATA, allowed_hosts=(), **variables):
    document = {"specversion": "1.0", "id": "e-1", "type": "a.b", "shkeptncontext": "c-1"}
    return fill(
        parse_http_file(content.encode()),
        variables=VARIABLES | variables,
        document=document | {"data": data},
        env=ENV,
        allowed_hosts=allowed_hosts,
    )


def body_of(text, *, media_type="text/plain", **rest):
    request, warnings = filled(f"POST http://h/\nContent-Type: {media_type}\n\n{text}", **rest)
    return request.body.decode(), warnings


def json_of(text, **rest):
    return body_of(text, media_type="application/json; charset=utf-8", **rest)[0]


def test_a_file_is_request_line_headers_and_a_body_kept_to_the_letter():
    file = parse_http_file(
        b"# genexec: timeout=5s\n### send\n\nput http://h/a HTTP/1.1\n# why\nX: a:b:c\nX:  d \n"
        b"\n# kept\n\n {x}: y\n\n"
    )

    assert (file.method, file.url, file.line) == ("PUT", "http://h/a", 4)
    assert [(header.name, header.value, header.line) for header in file.headers] == [
        ("X", "a:b:c", 6),
        ("X", "d", 7),
    ]
    assert (file.body, file.body_line) == ("# kept\n\n {x}: y\n\n", 9)


def test_only_an_address_is_a_get():
    assert parse_http_file(b"https://h/x").method == "GET"


@pytest.mark.parametrize("method", ["purge", "M-SEARCH", "X!#%&'*+.^_`|~9"])
def test_any_token_is_a_method(method):
    assert parse_http_file(f"{method} http://h/".encode()).method == method.upper()


def test_windows_line_ends_belong_to_the_lines_before_the_body():
    file = parse_http_file(b"\xef\xbb\xbfPOST http://h/a\r\nX: y\r\n\r\nfirst\r\nsecond\r\n")

    assert (file.url, file.headers[0].value) == ("http://h/a", "y")
    assert file.body == "first\r\nsecond\r\n"


def test_the_address_goes_on_in_indented_lines():
    file = parse_http_file(b"GET http://h/a HTTP/1.1\n  ?b=${data.Problem URL}\n\t&c=2\nX: y\n")

    assert file.url == "http://h/a?b=${data.Problem URL}&c=2"
    assert [header.name for header in file.headers] == ["X"]


def test_blank_lines_at_the_end_are_no_body():
    assert parse_http_file(b"GET http://h/\n\n\n").body is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1: there is no request line"),
        (b"# one\n\n# two\n", "line 4: there is no request line"),
        (b"GET http://h/\n\nx\n### next\nGET http://h/\n", "line 4: '###' starts a further"),
        (b"GET http://h/\n###\nGET http://h/\n", "line 2: '###' starts a further"),
        (b"GET http://h/\nX: y\n\xff", "line 3: the file is not UTF-8"),
        (b"GET THIS http://h/", "line 1: the method has a blank"),
        (b"\n# c\nG(T http://h/", "line 3: 'G(T' is not a method"),
        (b"$METHOD http://h/", "line 1: '$METHOD' is not a method"),
        (b"CONNECT http://h/", "line 1: 'CONNECT' is not a method"),
        (b"GET http://h/a b", "line 1: the address has a blank"),
        (b"http://h/a b", "line 1: the address has a blank"),
        (b"GET http://h/a\n  ?b=c d", "line 2: the address has a blank"),
        (b"GET", "line 1: the address must begin with http"),
        (b"GET /path\nHost: h", "line 1: the address must begin with http"),
        (b"GET http://h/\nX y: z", "line 2: 'X y' is not a header name"),
        (b"GET http://h/\nX : z", "line 2: 'X ' is not a header name"),
        (b"GET http://h/\n X: z", "line 2: ' X' is not a header name"),
        (b"GET http://h/\n$PROJECT: z", "line 2: '$PROJECT' is not a header name"),
        (b"GET http://h/\n: z", "line 2: '' is not a header name"),
        (b"GET http://h/\n{", "line 2: a header needs a colon"),
        (b"GET http://h/\nX: a\rb", "line 2: there is a control character"),
        (b"GET http://h/\x00", "line 1: there is a control character"),
    ],
)
def test_what_is_malformed_is_refused_with_its_line(content, message):
    with pytest.raises(BadScript) as raised:
        parse_http_file(content)

    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("scheme", ["file", "ftp", "gopher", "data", "unix", "httpx", "HTTP+UNIX"])
def test_other_schemes_are_refused(scheme):
    with pytest.raises(BadScript, match="must begin with http"):
        parse_http_file(f"GET {scheme}://h/x".encode())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$PROJECT ${PROJECT} ${data.project}", "sockshop sockshop sockshop"),
        ("$DEPLOYMENT $DEPLOYMENTURILOCAL", "direct http://local"),
        ("$PROJECT_$STAGE $PROJECT_x", "sockshop_dev sockshop_x"),
        ("$PROJECTS $project $schema $ref", "$PROJECTS $project $schema $ref"),
        ("$LABEL_gitcommit $LABEL_GITCOMMIT $LABEL_gitcommit_", "abc abc abc_"),
        ("$VALUE_MESSAGE $VALUE_Message", "hello hello"),
        ("$ENV_TESTTOKEN ${ENV_TestToken} ${env.testtoken} ${env.TestToken}", "t0p " * 3 + "t0p"),
        ("${timestring} $TIMEUTCMS", "2026-11-21T11:59:58.123Z 1795262398123"),
        ("${timeutcstring} ${timeutcms}", "2026-11-21T11:59:58.123Z 1795262398123"),
        ("${shkeptncontext} ${type} ${id}", "c-1 a.b e-1"),
        ("${data.n} ${data.ok} ${data.none}.", "3 true ."),
        ("${data.list[0].k} ${data.list}", 'deep [{"k":"deep"}]'),
        ("$$PROJECT $${data.n} $$$PROJECT", "$PROJECT ${data.n} $sockshop"),
        ("a $ b $5 $- ${} ${x} ${a.b} $", "a $ b $5 $- ${} ${x} ${a.b} $"),
    ],
)
def test_placeholders_become_what_they_stand_for_and_other_words_stay(text, expected):
    assert body_of(text) == (expected, ())


@pytest.mark.parametrize(
    "placeholder",
    [
        "$LABEL_x",
        "$VALUE_",
        "$ENV_NO",
        "$DATA_NO",
        "${data.no.x}",
        "${data.list[9]}",
        "${data..}",
        "${env.no}",
        "${LABEL_no thing}",
        "${triggeredid}",
        "${data.project.x}",
        "${data.list.k}",
    ],
)
def test_a_known_prefix_without_a_value_is_empty_and_warned_of(placeholder):
    assert body_of(f"<{placeholder}>") == (
        "<>",
        (f"line 4: {placeholder} has no value and is left empty",),
    )


def test_inserted_text_is_not_read_again():
    text, _ = body_of("$A$B $LABEL_gitcommit", A="$PROJECT ${data.n}", B="$", LABEL_gitcommit="$$")

    assert text == "$PROJECT ${data.n}$ $$"


def test_a_value_in_json_text_is_escaped():
    hostile = 'quote " backslash \\ newline \n tab \t, "admin": true, \u2028 ü'

    sent = json_of('{"a": "$V", "b": "<${data.v}>"}', data={"v": hostile}, V=hostile)

    assert json.loads(sent) == {"a": hostile, "b": f"<{hostile}>"}


def test_a_value_outside_json_text_may_be_a_scalar():
    text = '{"a": ${data.n}, "b": ${data.ok}, "c": ${data.none}, "d": $V, "e": "\\"$S\\\\"}'

    sent = json_of(text, V='"in quotes"', S="s")

    assert json.loads(sent) == {"a": 3, "b": True, "c": None, "d": "in quotes", "e": '"s\\'}


@pytest.mark.parametrize("value", ['1, "admin": true', "text", "", "{}", "[1]", "NaN", "1}", "'1'"])
def test_anything_else_outside_json_text_is_refused(value):
    with pytest.raises(BadScript, match=r"line 5: \$V stands outside quotes in a JSON body"):
        json_of('{"a":\n $V}', V=value)


def test_objects_of_the_event_do_not_land_outside_json_text():
    with pytest.raises(BadScript, match=r"\$\{data.list\} stands outside quotes"):
        json_of('{"a": ${data.list}}')


def test_a_placeholder_cannot_finish_an_escape():
    with pytest.raises(BadScript, match=r"\$PROJECT stands after a backslash"):
        json_of('{"a": "\\$PROJECT"}')


def test_a_body_without_content_type_that_looks_like_json_is_taken_for_json():
    request, _ = filled('POST http://h/\n\n {"a": "$V"}', V='"')

    assert json.loads(request.body) == {"a": '"'}
    assert request.headers == ()


def test_a_body_that_does_not_read_as_json_is_sent_with_a_warning():
    assert body_of("{'a': 1}", media_type="application/vnd.x+json") == (
        "{'a': 1}",
        ("line 4: the body does not read as JSON",),
    )


def test_a_form_keeps_its_fields_apart():
    text, _ = body_of("a=$V&b=2", media_type="application/x-www-form-urlencoded", V="1&b=3 ü+%")

    assert parse_qs(text) == {"a": ["1&b=3 ü+%"], "b": ["2"]}


def test_other_bodies_take_values_as_they_are():
    assert body_of("<a>$V</a>", media_type="text/xml", V='<b>"\n')[0] == '<a><b>"\n</a>'


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\x00b", "a\x7f", "a\x85"])
def test_a_control_character_in_a_header_is_refused(value):
    with pytest.raises(BadScript, match=r"line 2: \$V has a line break or control character"):
        filled("GET http://h/\nX: a$V", V=value)


def test_both_of_two_equal_headers_and_all_colons_are_kept():
    request, _ = filled("GET http://h/\nX: a:b:$PROJECT\nx: ü\n")

    assert request.headers == (("X", "a:b:sockshop"), ("x", "ü"))


@pytest.mark.parametrize(
    "value", ["/", "../../admin", "..", ".", "?a=1", "#", "&x=y", "%2e", "a b", "\\", ";", "ü"]
)
def test_a_value_in_the_address_stays_in_its_place(value):
    request, _ = filled("GET http://h/a/$V/b?q=$V&r=1", V=value)

    parts = urlsplit(request.url)
    steps = parts.path.split("/")
    assert [unquote(step) for step in steps] == ["", "a", value, "b"]
    assert steps[2] not in {".", ".."}
    assert parse_qs(parts.query) == {"q": [value], "r": ["1"]}
    assert request.url.isascii()


def test_the_text_of_the_author_is_made_fit_for_the_wire_and_loses_its_fragment():
    request, _ = filled('GET http://h//ä/%41{x}"?q=\\#part/$PROJECT')

    assert request.url == "http://h//%C3%A4/%41%7Bx%7D%22?q=%5C"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://$ENV_HOST/x/$ENV_HOST", "https://api.example:8443/x/api.example%3A8443"),
        ("${env.host}", None),
        ("$ENV_BASE/x?y=$PROJECT", "https://api.example/base/x?y=sockshop"),
        ("${ENV_BASE}", "https://api.example/base"),
    ],
)
def test_the_operator_may_choose_the_host(address, expected):
    if expected is None:
        with pytest.raises(BadScript, match="must be http"):
            filled(f"GET {address}")
    else:
        assert filled(f"GET {address}")[0].url == expected


@pytest.mark.parametrize(
    "address",
    [
        "http://$V/",
        "http://a.$V",
        "http://a:8$V/",
        "http://a$V",
        "http://${data.project}.example/",
        "http://$ENV_HOST$V/",
        "http://$V@a/",
        "$V://a/",
        "$V",
        "$ENV_NONE$V//a/",
        "${ENV_NONE}http:/$ENV_NONE/$V/",
        "http://$PROJECT:80/",
    ],
)
@pytest.mark.parametrize("value", ["evil", "", "evil/", "http://evil/x"])
def test_event_data_may_not_choose_scheme_host_or_port(address, value):
    with pytest.raises(BadScript):
        filled(f"GET {address}", V=value)


def test_event_data_may_not_choose_the_host_header():
    with pytest.raises(BadScript, match=r"line 2: .*may not choose the host"):
        filled("GET http://h/\nhost: $PROJECT")


def test_event_data_may_choose_among_the_allowed_hosts():
    allowed = {"sockshop.example", "dev:81"}

    assert filled("GET http://$PROJECT.example:80/", allowed_hosts=allowed)[0].url.endswith(":80/")
    assert filled("GET http://$STAGE:8$V", allowed_hosts=allowed, V="1")[0].url == "http://dev:81"
    with pytest.raises(BadScript, match=r"\$V comes from the event"):
        filled("GET http://$V/", allowed_hosts=allowed, V="evil@sockshop.example")


@pytest.mark.parametrize(
    "address",
    [
        "http://a@b/",
        "http://",
        "http:///x",
        "http://a b",
        "http://a:70000/",
        "http://a:0/",
        "http://ü/",
        "http://a\\@b/",
        "http://%31/",
        "http://[::1%25lo]/",
        "http://a:b/",
        "http://[::1/",
        "http://a,b/",
    ],
)
def test_hosts_that_two_readers_could_understand_differently_are_refused(address):
    with pytest.raises(BadScript):
        filled(f"GET {address}")


def test_the_placeholders_of_a_file_are_listed_with_lines_and_whether_they_are_known():
    file = parse_http_file(b"POST http://h/$STAGE\nX: $$ $other\n\n\n$LABEL_x\n${data.y} ${z}\n")

    listed = [
        (place.text, place.line, place.known) for place in placeholders(file, names=VARIABLES)
    ]
    assert listed == [
        ("$STAGE", 1, True),
        ("$other", 2, False),
        ("$LABEL_x", 5, True),
        ("${data.y}", 6, True),
        ("${z}", 6, False),
    ]


def test_problems_name_what_looks_meant_and_event_data_in_the_host():
    file = parse_http_file(b"POST http://$ENV_H:$STAGE/$PROJECT\nX: $schema $PROJEKT\n\n${date}")

    assert problems(file, names=VARIABLES) == (
        "line 2: $PROJEKT is no known placeholder and is sent as it stands",
        "line 4: ${date} is no known placeholder and is sent as it stands",
        "line 1: $STAGE puts event data into the host",
    )


TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=40)


@given(TEXT, TEXT)
def test_json_text_holds_exactly_the_value(first, second):
    sent = json_of('{"a": "$V", "$$": "$W$V", "n": 1}', V=first, W=second)

    assert json.loads(sent) == {"a": first, "$": second + first, "n": 1}


@given(TEXT, TEXT)
def test_path_and_query_hold_exactly_the_values(first, second):
    request, _ = filled("GET http://h/a/$V$W/b?q=$V&r=$W#f", V=first, W=second)

    parts = urlsplit(request.url)
    assert parts.netloc == "h"
    assert [unquote(step) for step in parts.path.split("/")] == ["", "a", first + second, "b"]
    assert parse_qs(parts.query, keep_blank_values=True) == {"q": [first], "r": [second]}


@given(TEXT, TEXT)
def test_the_text_is_gone_over_once(first, second):
    assert body_of("$V|$W|${V}", V=first, W=second)[0] == f"{first}|{second}|{first}"


@given(st.binary(max_size=200), TEXT)
def test_whatever_is_written_is_a_file_or_a_bad_script(content, value):
    with suppress(BadScript):
        file = parse_http_file(b"POST http://h/$V\n" + content)
        request, _ = fill(file, variables={"V": value}, document={"data": value}, env={})
        assert request.url.startswith("http://h/")
