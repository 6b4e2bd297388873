"""Every `job/config.yaml`, judged, with the scripts that replace it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from service.checking.findings import File
from service.checking.places import level_of
from service.checking.whole import covers
from service.errors import BadScript
from service.migration.dialect import JOB_CONFIG, is_job_config
from service.migration.job_config import JobAction, JobConfig, JobEvent
from service.migration.job_names import script_name, types_of
from service.migration.job_paths import steps_of
from service.migration.job_reading import read_job_config
from service.migration.job_remarks import action_remarks, whole_remarks
from service.migration.job_script import job_script
from service.migration.judgement import Judgement, Remark, Written, different, same, work
from service.migration.shipyard import known_types
from service.scripts import FOLDERS, Layout


def judge_jobs(
    files: Sequence[File], *, layout: Layout, default_branch: str, limit: int
) -> Iterator[Judgement]:
    """Yield the judgement of every configuration; *limit* is the size of a file in bytes."""
    known = known_types(files)
    taken = {(file.branch, file.path) for file in files}
    configs = [file for file in files if is_job_config(file.path)]
    whom = {
        (file.branch, file.path): found[1]
        for file in configs
        if (found := level_of(_in_scripts_folder(file), layout, default_branch))
    }
    for file in configs:
        place = whom.get((file.branch, file.path))
        if place is None or file.link:
            message = f"never looked up in the layout '{layout}'; name another with --layout"
            yield Judgement(file=file, remarks=(work("a link" if file.link else message),))
            continue
        wider = [
            other
            for other in configs
            if other is not file and (other.branch, other.path) in whom
            if covers(whom[other.branch, other.path], place)
        ]
        yield _judge(file, wider, known, taken, limit)


def _judge(
    file: File,
    wider: Sequence[File],
    known: frozenset[str],
    taken: set[tuple[str, str]],
    limit: int,
) -> Judgement:
    if len(file.content) > limit:
        remark = work(f"cannot be read: larger than {limit} bytes")
        return Judgement(file=file, remarks=(remark,), readable=False)
    try:
        config = read_job_config(file.content)
    except BadScript as error:
        message = str(error).partition(": ")[2] if error.line else str(error)
        remark = work(f"cannot be read: {message}", error.line or 0)
        return Judgement(file=file, remarks=(remark,), readable=False)
    if not config.actions:
        return Judgement(file=file, remarks=(same("has no actions"),))
    remarks: list[Remark] = []
    for action in config.actions:
        remarks += action_remarks(action, known)
    remarks += whole_remarks(config)
    remarks += [
        different(
            f"hid {_where(other)} whole; here each script name is looked up for itself, and what "
            "only the other has answers, too"
        )
        for other in wider
    ]
    written, more = _written(file, config, known, taken)
    ordered = sorted(dict.fromkeys([*more, *remarks]), key=lambda remark: remark.line)
    return Judgement(file=file, remarks=tuple(ordered), written=tuple(written))


def _written(
    file: File, config: JobConfig, known: frozenset[str], taken: set[tuple[str, str]]
) -> tuple[list[Written], list[Remark]]:
    written: list[Written] = []
    remarks: list[Remark] = []
    folder = _in_scripts_folder(file).folder
    for name, answered in _by_script(config, known).items():
        path = f"{folder}/{name}"
        if (file.branch, path) in taken:
            remarks.append(work(f"it becomes {path}, which exists: put both into one script"))
            continue
        if len(answered) > 1:
            message = f"{len(answered)} actions answer alike: one script, one answer: {name}"
            remarks.append(different(message, answered[1][0].line))
        text = job_script(answered, origin=_where(file), name=name)
        written.append(Written(branch=file.branch, path=path, content=text.encode()))
        remarks.append(work(f"not read here; it becomes {path}", mended=True))
    return written, remarks


def _by_script(
    config: JobConfig, known: frozenset[str]
) -> dict[str, list[tuple[JobAction, list[JobEvent]]]]:
    """Return the actions of each script that can be written, with their conditions."""
    scripts: dict[str, list[tuple[JobAction, list[JobEvent]]]] = {}
    for action in config.actions:
        mine: dict[str, list[JobEvent]] = {}
        for event in action.events:
            if event.property and steps_of(event.property) is None:
                continue
            for type_ in types_of(event, known):
                name = script_name(type_, event)
                if name:
                    mine.setdefault(name, []).append(event)
        if any(
            variable.source == "event" and steps_of(variable.value) is None
            for task in action.tasks
            for variable in task.variables
        ):
            continue
        for name, events in mine.items():
            scripts.setdefault(name, []).append((action, events))
    return scripts


def _in_scripts_folder(file: File) -> File:
    """Return a file in the scripts folder of the same level."""
    above = file.path.removesuffix(JOB_CONFIG)
    return replace(file, path=f"{above}{FOLDERS[0]}/all.events.sh")


def _where(file: File) -> str:
    return f"{file.branch}:{file.path}" if file.branch else file.path
