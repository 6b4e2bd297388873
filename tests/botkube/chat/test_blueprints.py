"""Tables of programs as selects, actions and previews; the shapes of public templates."""

import pytest
import yaml

from service.botkube.blueprints import fill, fitting, own_blueprints, read_file, read_templates
from service.botkube.programs import Programs
from service.botkube.tables import column_name, read_table
from service.errors import BadSettings

WIDTHS = (11, 11, 8, 20, 8, 14, 11)
HELM = "\n".join(
    "\t".join(cell.ljust(width) for cell, width in zip(row, WIDTHS, strict=True))
    for row in (
        ("NAME", "NAMESPACE", "REVISION", "UPDATED", "STATUS", "CHART", "APP VERSION"),
        ("shop-db", "default", "1", "2026-04-27 19:30:48", "deployed", "postgres-12.2", "15.2.0"),
        ("edge", "kube-system", "4", "2026-04-19 20:58:57", "failed", "proxy-10.19", ""),
    )
)
PODS = """\
NAMESPACE   NAME            READY   STATUS             RESTARTS      AGE
shop        carts-0         1/1     Running            0             3d
kube        dns-5d-x        0/1     CrashLoopBackOff   7 (2m ago)    9h
"""
# The shapes that public template files of the exec plugin use, with words of our own.
PUBLIC = r"""
templates:
  - trigger:
      command:
        regex: '^helm list(?:\s+(-A|-a))*\s?$'
    type: "parser:table:space"
    message:
      selects:
        - name: "Release"
          keyTpl: "{{ .Namespace }}/{{ .Name }}"
      actions:
        notes: "helm get notes  {{ .Name }} -n {{ .Namespace }}"
        delete: "helm delete     {{.Name}} -n {{ .Namespace }}"
      preview: |
        Name:      {{ .Name }}
        App:       {{ .AppVersion}}
  - trigger:
      command:
        prefix: "exec install https://example.invalid/tool-v"
    type: "wrapper"
    message:
      buttons:
        - name: "Quickstart"
          command: "{{BotName}} exec run quickstart tool"
          style: "primary"
  - trigger:
      command:
        prefix: "quickstart tool"
    type: "tutorial"
    message:
      paginate:
        page: 2
      header: "First steps"
      buttons:
        - name: "Help"
          description: "{{BotName}} tool help"
          command: "{{BotName}} exec run tool help"
        - name: "Install"
          command: |
            {{BotName}} x run tool install web
               --set a='b'
        - name: "Home"
          url: "https://example.invalid"
"""


def test_a_table_with_tabs_and_empty_cells_is_read():
    table = read_table("space", HELM)

    assert table.columns == (
        "Name",
        "Namespace",
        "Revision",
        "Updated",
        "Status",
        "Chart",
        "AppVersion",
    )
    assert table.row(1) == {
        "Name": "edge",
        "Namespace": "kube-system",
        "Revision": "4",
        "Updated": "2026-04-19 20:58:57",
        "Status": "failed",
        "Chart": "proxy-10.19",
        "AppVersion": "",
    }


def test_cells_with_blanks_stay_together():
    assert read_table("space", PODS).row(1)["Restarts"] == "7 (2m ago)"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("tsv", "KEY\tLONG VALUE\na\tx y\nb\t\n"),
        ("csv", 'Key,long value\na,"x y"\nb,\n'),
        ("json", '[{"key": "a", "long value": "x y"}, {"key": "b"}]'),
        ("json", '{"items": [{"key": "a", "long": {"value": "x y"}}, {"key": "b"}]}'),
        ("box", "┌───┬───┐\n│ Key │ Long value │\n├───┼───┤\n│ a │ x y │\n│ b │  │\n└───┴───┘\n"),
        ("box", "+---+---+\n| Key | Long value |\n+---+---+\n| a | x y |\n| b | |\n+---+---+"),
        ("box", "| Key | Long value |\n|-----|:----|\n| a | x y |\n| b |  |"),
        ("space", "KEY  LONG VALUE\na    x y\nb\n"),
    ],
)
def test_every_form_of_table_gives_the_same_rows(form, text):
    table = read_table(form, text)

    assert [table.row(n) for n in range(len(table.rows))] == [
        {"Key": "a", "LongValue": "x y"},
        {"Key": "b", "LongValue": ""},
    ]


@pytest.mark.parametrize("form", ["space", "tsv", "csv", "json", "box"])
@pytest.mark.parametrize("text", ["", "\n \n", "{", "[1, 2]", "null", '"', "│", "\0"])
def test_what_is_no_table_has_no_rows(form, text):
    assert read_table(form, text).rows == ()


@pytest.mark.parametrize(
    ("header", "name"),
    [("APP VERSION", "AppVersion"), ("last-seen", "LastSeen"), ("PORT(S)", "Ports"), ("", "")],
)
def test_columns_are_named_without_blanks(header, name):
    assert column_name(header) == name


def test_cells_are_single_words_of_a_command():
    row = {"Name": "a; rm -rf $HOME", "Namespace": ""}

    assert fill("get {{ .Name }} {{.Namespace}}{{- .Other -}}", row, as_words=True) == (
        "get 'a; rm -rf $HOME' "
    )


def test_public_templates_are_read_unchanged():
    table, wrapper, tutorial = read_file(PUBLIC)

    assert table.fits("helm list -A -a")
    assert not table.fits("helm list --filter x")
    assert table.selects == (("Release", "{{ .Namespace }}/{{ .Name }}"),)
    assert wrapper.steps[0].command == "cmd -- quickstart tool"
    assert [step.command for step in tutorial.steps] == [
        "cmd -- tool help",
        "cmd -- tool install web --set a='b'",
        "",
    ]
    assert tutorial.steps[0].description == "{{BotName}} script cmd -- tool help"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ({"ref": "github.com/x"}, "template 1: ref is not fetched"),
        ({"type": "parser:table:xml"}, "template 1: type 'parser:table:xml' is none of"),
        ({"type": "wrapper"}, "template 1: trigger.command needs"),
        ({"type": "wrapper", "trigger": {"command": {"regex": "("}}}, "template 1: trigger"),
        (
            {
                "type": "parser:table:space",
                "trigger": {"command": {"prefix": "x"}},
                "message": {"preview": "{{ if .A }}"},
            },
            "template 1: only {{ .Column }} is filled in",
        ),
    ],
)
def test_a_wrong_template_is_named(template, problem):
    with pytest.raises(BadSettings) as caught:
        read_templates([template])

    assert str(caught.value).startswith(problem)


@pytest.mark.parametrize(
    "command",
    [
        "kubectl get pods -A",
        "kubectl get deploy",
        "helm list -A",
        "docker ps -a",
        "git -C /x log -3 --pretty=%h%x09%an%x09%s",
    ],
)
def test_our_own_blueprints_fit_the_commands_they_are_for(command):
    assert fitting(own_blueprints(), command) is not None


@pytest.mark.parametrize("command", ["kubectl get pods -o yaml", "kubectl delete pod x", "id"])
def test_our_own_blueprints_leave_other_commands_alone(command):
    assert fitting(own_blueprints(), command) is None


@pytest.fixture
def helm(make_chat, type_in, tmp_path):
    """Type `cmd` with a program `helm` that prints a table, and the public templates."""
    program = tmp_path / "helm"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/table\n")
    program.chmod(0o755)
    (tmp_path / "table").write_text(HELM)
    chat = make_chat(programs=Programs(path="/usr/bin:/bin", dependency_dir=str(tmp_path)))
    config = {"cmd": {"programs": ["helm", "tool"]}} | yaml.safe_load(PUBLIC)
    return lambda command, **more: type_in(command, using=chat, config=config, **more)


def test_a_table_becomes_selects_a_preview_and_actions(helm, selects):
    message = helm("script cmd -- helm list -A")

    offered = selects(message)
    assert offered["Release"].command == "script cmd -- helm list -A"
    assert offered["Release"].values == ["@pick:default/shop-db", "@pick:kube-system/edge"]
    assert offered["Release"].initial == "@pick:default/shop-db"
    assert message["sections"][1]["body"]["codeBlock"] == "Name:      shop-db\nApp:       15.2.0"
    assert offered["Actions"].command == "script cmd --"
    assert offered["Actions"].values == [
        "helm delete shop-db -n default",
        "helm get notes shop-db -n default",
    ]


def test_a_row_is_found_again_when_it_has_moved(helm, tmp_path):
    head, first, second = HELM.splitlines()
    (tmp_path / "table").write_text(f"{head}\n{second}\n{first}")

    message = helm("script cmd -- helm list -A @pick:default/shop-db")

    assert message["sections"][1]["body"]["codeBlock"].startswith("Name:      shop-db")
    assert message["replaceOriginal"] is True


def test_a_row_that_is_gone_is_missed(helm, words):
    message = helm("script cmd -- helm list -A @pick:default/other")

    assert "default/other is not there any more" in words(message)


def test_a_cell_that_looks_like_an_option_gets_no_actions(helm, selects, tmp_path):
    (tmp_path / "table").write_text("NAME    NAMESPACE\n--all   default\n")

    assert "Actions" not in selects(helm("script cmd -- helm list -A"))


def test_raw_output_stays_as_it_is(helm):
    message = helm("script cmd --raw -- helm list -A")

    assert message["sections"][0]["body"]["codeBlock"].startswith("NAME       ")


def test_text_platforms_get_the_table_and_commands_to_type(helm):
    body = helm("script cmd -- helm list -A", platform="text")["baseBody"]

    assert "kube-system" in body["codeBlock"]
    assert (
        "2. `{{BotName}} script cmd -- helm get notes <NAME> -n <NAMESPACE>`" in body["plaintext"]
    )


def test_a_tutorial_starts_no_program_and_has_pages(helm, commands):
    first = helm("script cmd -- quickstart tool")

    second = helm(commands(first)["Next"])

    assert commands(first)["Install"] == "script cmd -- tool install web --set a='b'"
    assert second["sections"][0]["buttons"] == [{"name": "Home", "url": "https://example.invalid"}]


def test_more_rows_than_a_select_takes_come_in_pages(helm, selects, tmp_path):
    rows = "".join(f"app-{n:03}   default\n" for n in range(250))
    (tmp_path / "table").write_text("NAME      NAMESPACE\n" + rows)
    seen, command = [], "script cmd -- helm list"
    for _ in range(100):
        select = selects(helm(command))["Release"]
        *page, last = select.values
        seen += page if last.startswith("@after:") else [*page, last]
        if not last.startswith("@after:"):
            break
        command = f"{select.command} {last}"

    assert [value.rpartition("/")[2] for value in seen] == [f"app-{n:03}" for n in range(250)]


def test_blueprints_beside_the_scripts_come_before_our_own(
    make_chat, type_in, desk, selects, tmp_path
):
    program = tmp_path / "helm"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/table\n")
    program.chmod(0o755)
    (tmp_path / "table").write_text(HELM)
    desk.files["blueprints.yaml"] = PUBLIC.replace("Release", "Ours")
    chat = make_chat(programs=Programs(path="/usr/bin:/bin", dependency_dir=str(tmp_path)))

    message = type_in(
        "script cmd -- helm list -A", using=chat, config={"cmd": {"programs": ["helm"]}}
    )

    assert "Ours" in selects(message)


def test_a_wrong_file_beside_the_scripts_is_named(helm, desk):
    desk.files["blueprints.yaml"] = "templates: 5"

    said = str(helm("script cmd -- helm list -A"))
    assert "n generic-executor/blueprints.yaml, a file of templates" in said
