"""What may be the address of the scripts, and what is shown of it."""

import pytest

from service.errors import SourceMisconfigured
from service.sources.address import check_address, for_project, redacted


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("https://git.example.com/keptn/scripts.git", "https"),
        ("https://git.example.com:8443/keptn/{project}.git", "https"),
        ("https://[2001:db8::1]/scripts", "https"),
        ("ssh://git@git.example.com:2222/keptn/{project}", "ssh"),
        ("ssh://git.example.com/scripts", "ssh"),
        ("git@git.example.com:keptn/{project}.git", "ssh"),
    ],
)
def test_an_address_over_https_or_ssh_is_taken_as_it_stands(text, scheme):
    address = check_address(text)

    assert (str(address), address.scheme) == (text, scheme)


@pytest.mark.parametrize(
    "text", ["file:///srv/scripts.git", "http://localhost:3000/a", "git://localhost/a"]
)
def test_another_scheme_needs_permission(text):
    scheme = text.partition(":")[0]

    assert check_address(text, schemes={scheme}).scheme == scheme
    with pytest.raises(SourceMisconfigured, match=f"'{scheme}' is not allowed; use https or ssh"):
        check_address(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        ("ext::sh -c id", "a blank"),
        ("ext::sh", "remote helpers could run any command"),
        ("file::/srv/x", "remote helpers"),
        ("--upload-pack=/tmp/x", "looks like an option"),
        ("ssh://-oProxyCommand=id/x", "host is not a plain name"),
        ("ssh://git@-oProxyCommand=id/x", "host is not a plain name"),
        ("ssh://-l@host/x", "user is not a plain name"),
        ("-git@host:path", "looks like an option"),
        ("git@-host:path", "user or host is not a plain name"),
        ("git@host:-path", "looks like an option"),
        ("https://host/a\nb", "line break"),
        ("https://host/a\x00b", "line break"),
        ("https://höst/a", "not ASCII"),
        ("https://host/$HOME", "variables are not expanded"),
        ("https://$HOST/a", "variables are not expanded"),
        ("https://host/a\\b", "backslash"),
        ("https://{project}.example.com/a", "in the path only"),
        ("ssh://{project}@host/a", "in the path only"),
        ("{project}@host:a", "in the path only"),
        ("https://host/{stage}", "only {project} may stand in braces"),
        ("https://host:99999/a", "host or port"),
        ("https://host:x/a", "host or port"),
        ("https://host/", "names no repository"),
        ("https://host/../a", "names no repository"),
        ("https://host/a?token=geheim", "query"),
        ("https://host/a#geheim", "query"),
        ("https://git:geheim@host/a", "GENEXEC_GIT_TOKEN_FILE"),
        ("https://geheim@host/a", "GENEXEC_GIT_TOKEN_FILE"),
        ("ssh://git:geheim@host/a", "GENEXEC_GIT_TOKEN_FILE"),
        ("git:geheim@host:a", "no scheme"),
        ("https://git:gehe/im@host/a", "host or port"),
        ("file://host/a", "three slashes"),
        ("/srv/scripts", "no scheme"),
        ("ftp://host/a", "'ftp' is unknown"),
    ],
)
def test_a_dangerous_address_is_refused_with_the_reason(text, why):
    with pytest.raises(SourceMisconfigured) as caught:
        check_address(text, schemes={"file", "http", "git"})

    assert why in str(caught.value)
    assert "geheim" not in str(caught.value)
    assert "gehe/im" not in str(caught.value)


def test_the_project_is_put_into_the_address():
    address = check_address("https://git.example.com/{project}/scripts")

    assert address.per_project
    assert address.address_for("sockshop") == "https://git.example.com/sockshop/scripts"


def test_an_address_without_project_serves_all():
    address = check_address("https://git.example.com/scripts")

    assert not address.per_project
    assert address.address_for("any") == "https://git.example.com/scripts"


@pytest.mark.parametrize("project", ["", "..", "a/b", "-x", "a b", "{project}", "a" * 200])
def test_a_project_that_is_no_name_is_refused(project):
    with pytest.raises(SourceMisconfigured, match="cannot stand in an address"):
        for_project("/srv/{project}", project)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fatal: https://u:p@host/x not found", "fatal: https://***@host/x not found"),
        ("fatal: https://tok@host/x", "fatal: https://***@host/x"),
        ("remote says geheim twice: geheim", "remote says *** twice: ***"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_secrets_are_taken_out_of_texts(text, shown):
    assert redacted(text, "geheim", "") == shown
