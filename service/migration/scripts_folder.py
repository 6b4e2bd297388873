"""Every script of generic-executor-service, in its company."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from service.checking.findings import File
from service.checking.names import is_script
from service.checking.places import level_of
from service.migration.company import Reached, company_remarks
from service.migration.dialect import scripts_folder
from service.migration.judgement import Dialect, Judgement, Remark, Written, different, same, work
from service.migration.script_file import examine
from service.migration.script_names import new_name, script_name_remarks
from service.scripts import FOLDERS, Layout


def judge_scripts(
    files: Sequence[File], dialect: Dialect, *, layout: Layout, default_branch: str, limit: int
) -> Iterator[Judgement]:
    """Yield the judgement of every file in a scripts folder, in any spelling.

    *limit* is the size of a script in bytes.
    """
    taken = {(file.branch, file.path) for file in files}
    beside = defaultdict(set)
    for file in files:
        beside[file.branch, file.folder].add(file.name)
    reached = [
        Reached(file=file, name=new_name(file.name, dialect), whom=place[1])
        for file in files
        if scripts_folder(file.path) and is_script(file)
        if (place := level_of(_moved(file), layout, default_branch))
    ]
    by_file = {(one.file.branch, one.file.path): one for one in reached}
    for file in files:
        if not scripts_folder(file.path) or not is_script(file):
            continue
        one = by_file.get((file.branch, file.path))
        if one is None:
            message = f"never looked up in the layout '{layout}'; name another with --layout"
            yield Judgement(file=file, remarks=(work(message),))
            continue
        company = tuple(company_remarks(one, reached, dialect))
        siblings = beside[file.branch, file.folder] - {file.name}
        yield _judge(one, company, siblings, dialect, taken=taken, limit=limit)


def _judge(
    one: Reached,
    company: tuple[Remark, ...],
    siblings: set[str],
    dialect: Dialect,
    *,
    taken: set[tuple[str, str]],
    limit: int,
) -> Judgement:
    file = one.file
    if file.link:
        return Judgement(file=file, remarks=(same("a link, which is not written: link it again"),))
    if len(file.content) > limit:
        message = f"larger than {limit} bytes (GENEXEC_SCRIPT_LIMIT): it is not run"
        return Judgement(file=file, remarks=(work(message),))
    path = f"{_moved(file).folder}/{one.name}"
    place = tuple(_folder(file))
    if path != file.path and (file.branch, path) in taken:
        message = f"it becomes {path}, which exists: keep one of them"
        return Judgement(file=file, remarks=(*place, work(message), *company))
    examined = examine(file, siblings=siblings, dialect=dialect)
    names = script_name_remarks(file, dialect)
    return Judgement(
        file=file,
        remarks=(*place, *names, *company, *examined.remarks),
        written=(Written(branch=file.branch, path=path, content=examined.content),),
    )


def _folder(file: File) -> Iterator[Remark]:
    name = scripts_folder(file.path)
    if name in FOLDERS[1:]:
        yield different(f"no version of the predecessor looked into {name!r}; here it is searched")
    elif name not in FOLDERS:
        yield work(f"the folder {name!r} is never searched: {FOLDERS[0]!r}", mended=True)


def _moved(file: File) -> File:
    """Return the file where it belongs; the accepted spelling stays."""
    head, _, folder = file.folder.rpartition("/")
    folder = folder if folder in FOLDERS else FOLDERS[0]
    above = f"{head}/" if head else ""
    return replace(file, path=f"{above}{folder}/{file.name}")
