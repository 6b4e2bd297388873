"""What is said about a file, and what can be written for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from service.checking.findings import File


class Dialect(StrEnum):
    """What a repository was made for."""

    V03 = "0.3"
    """generic-executor-service 0.2 and 0.3, for Keptn 0.7."""
    V08 = "0.8"
    """generic-executor-service 0.8, for Keptn 0.8 and later."""
    JOBS = "job-executor"
    """job-executor-service, `job/config.yaml`."""


class Verdict(StrEnum):
    """What becomes of a file, from the lightest to the heaviest."""

    SAME = "runs unchanged"
    DIFFERENT = "runs differently"
    WORK = "needs work"


@dataclass(frozen=True, kw_only=True, slots=True)
class Remark:
    """One reason for a verdict."""

    verdict: Verdict
    message: str
    line: int = 0
    """0 when it is about the whole file."""
    mended: bool = False
    """What is written for the file takes care of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A file to be written."""

    branch: str
    path: str
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """Everything about one file."""

    file: File
    remarks: tuple[Remark, ...]
    written: tuple[Written, ...] = ()
    readable: bool = True

    @property
    def verdict(self) -> Verdict:
        """What becomes of the file as it stands."""
        return heaviest(self.remarks)

    @property
    def verdict_written(self) -> Verdict:
        """What becomes of it when what can be written is used instead."""
        return heaviest([remark for remark in self.remarks if not remark.mended])


def heaviest(remarks: Sequence[Remark]) -> Verdict:
    """Return the heaviest verdict, `SAME` when there is none."""
    order = tuple(Verdict)
    return max((remark.verdict for remark in remarks), key=order.index, default=Verdict.SAME)


def same(message: str, line: int = 0) -> Remark:
    """Something worth knowing that changes nothing."""
    return Remark(verdict=Verdict.SAME, message=message, line=line)


def different(message: str, line: int = 0) -> Remark:
    """It runs, and does something else."""
    return Remark(verdict=Verdict.DIFFERENT, message=message, line=line)


def work(message: str, line: int = 0, *, mended: bool = False) -> Remark:
    """Somebody has to do something; *mended* when what is written does it."""
    return Remark(verdict=Verdict.WORK, message=message, line=line, mended=mended)
