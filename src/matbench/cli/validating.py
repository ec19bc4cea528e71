"""``matbench validate``: whether what lies in files is well formed, plausible, and where it belongs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from matbench.analyse.ladder import peaks
from matbench.analyse.plausible import dates, implausible
from matbench.analyse.plausible_pairs import implausible_pairs
from matbench.analyse.rows import Interval
from matbench.cli import console
from matbench.errors import RecordError
from matbench.model import Record
from matbench.record.asv_reading import read_asv
from matbench.record.bundles import bundle_parts, is_bundle
from matbench.record.files import printable
from matbench.record.islands import is_page, page_records
from matbench.record.listing import run_files
from matbench.record.reading import AnyRecord
from matbench.record.store import read_either
from matbench.record.tree import Leaf, Role, check_json, check_packed, is_results, leaves

__all__ = ["Judge", "validate_files"]

MISPLACED: dict[Role, str] = {
    "link": "It is a link that leads out of the folder; put the file itself there.",
    "stray": "It is no file that belongs there; remove it.",
}


class Judge:
    """Says what can't be true of one record after the other; what runs tell of a machine holds for its comparisons.

    Parameters
    ----------
    now
        Time of day, with a time zone, where a record that goes from one machine to another must not be of the future:
        it would count as the latest for years. What is stored is judged alike at any time.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now
        self._peaks: dict[str, dict[str, Interval]] = {}

    def __call__(self, record: AnyRecord) -> tuple[str, ...]:
        """The findings, a sentence each."""
        host = record.header.host.host_id
        if not isinstance(record, Record):
            return implausible_pairs(record, None if host == "unknown" else self._peaks.get(host), self._now)
        known = self._peaks.setdefault(host, {})
        for key, peak in peaks(record.ceilings).items():
            if key not in known or peak.estimate > known[key].estimate:
                known[key] = peak
        return implausible(record, self._now)


def validate_files(paths: Sequence[Path]) -> int:
    """Check files and whole results folders; 1 if there is any finding, 2 if anything can't be read."""
    report = _Report()
    for path in paths:
        if path.is_dir():
            report.folder(path)
        else:
            report.file(path)
    return report.code


class _Report:
    """Tells of each file as it is checked, and keeps the worst exit code."""

    def __init__(self) -> None:
        self.code = 0
        self._judge = Judge()
        self._now = datetime.now(UTC)
        self._seen: dict[tuple[type, str], str] = {}

    def folder(self, folder: Path) -> None:
        """Check all of a results folder, or the records in any other."""
        if is_results(folder):
            # Runs before comparisons, which are read against the peaks of runs.
            found = sorted(leaves(folder), key=lambda leaf: (leaf.place.parts[0] == "pairs", leaf.place))
        else:
            found = [Leaf(path, path.relative_to(folder), "record") for path in run_files(folder)]
        if not found:
            raise RecordError(
                f"no records under {printable(folder.name)}; give a results folder, one that holds records/"
            )
        for leaf in found:
            self._told(leaf.place.as_posix(), leaf)

    def file(self, path: Path) -> None:
        """Check one file, whatever it is."""
        role: Role = "bundle" if is_bundle(path) else "page" if is_page(path) else "record"
        self._told(path.name, Leaf(path, Path(path.name), role))

    def _told(self, name: str, leaf: Leaf) -> None:
        try:
            state, findings = self._checked(leaf)
        except RecordError as error:
            console.error(str(error))
            self.code = 2
            return
        told = "" if findings else f" {state}"
        console.data(f"{printable(name)}:{told}" + "".join(f"\n  {each}" for each in findings))
        self.code = max(self.code, 1 if findings else 0)

    def _checked(self, leaf: Leaf) -> tuple[str, tuple[str, ...]]:
        """Its state where all is well, and what is wrong with it."""
        if leaf.role in MISPLACED:
            return "", (MISPLACED[leaf.role],)
        if leaf.role == "json":
            check_json(leaf.path)
            return "ok (JSON)", ()
        if leaf.role == "packed":
            check_packed(leaf.path)
            return "ok (packed JSON)", ()
        if leaf.role == "asv":
            return "ok (asv)", self._judged(read_asv(leaf.path), leaf)
        if leaf.role in {"bundle", "page"}:
            return self._several(leaf)
        record = read_either(leaf.path)
        findings = (*record.warnings, *self._place(leaf, record), *self._judged(record, leaf))
        return "ok" if record.is_complete else "ok, but not complete", findings

    def _judged(self, record: AnyRecord, leaf: Leaf) -> tuple[str, ...]:
        """What can't be true of a record; of one from the future, which may yet come true, there is a warning."""
        found = self._judge(record)
        for each in dates(record, self._now):
            if each not in found:
                name = printable(leaf.place.as_posix())
                console.warn(f"{name}: {each.rstrip('.')}; by this clock nobody can import it yet")
        return found

    def _several(self, leaf: Leaf) -> tuple[str, tuple[str, ...]]:
        """The same of a file with any number of records."""
        records: Iterable[tuple[int, AnyRecord]]
        if leaf.role == "page":
            records = enumerate(page_records(leaf.path), 1)
            word = "record"
        else:
            records = ((part.line, part.record) for part in bundle_parts(leaf.path))
            word = "line"
        findings: list[str] = []
        count = 0
        for place, record in records:
            findings += (f"{word} {place}: {each}" for each in self._judged(record, leaf))
            count += 1
        return f"ok ({leaf.role} of {count})", tuple(findings)

    def _place(self, leaf: Leaf, record: AnyRecord) -> tuple[str, ...]:
        """Whether a stored record lies where its header says, and no other has its id."""
        if not leaf.is_stored:
            return ()
        header = record.header
        found = []
        if (header.machine, header.id) != (leaf.path.parent.name, leaf.path.stem):
            found.append(f"It calls itself {printable(header.machine)}/{printable(header.id)}; rename it.")
        there = self._seen.setdefault((type(record), header.id), leaf.place.as_posix())
        if there != leaf.place.as_posix():
            found.append(f"It has the id of {printable(there)}; remove one of the two.")
        return tuple(found)
