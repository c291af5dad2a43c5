"""Puts a new state of a site in the place of the old one at once: files are written aside, then renamed into place.

Whatever is interrupted before the renames leaves the site as it was. Before them a journal is written; a build that is
killed between two renames is finished by the next one (docs/decisions/018-publishing-at-once.md).
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from trustdm.bench.errors import UsageError

ASIDE = ".trustdm-publish"
"""The folder, within that of the site, where files lie until they are put in place; gone afterwards."""
JOURNAL = f"{ASIDE}/journal.json"


@dataclass(frozen=True)
class Stage:
    """Where one build writes: ``folder`` is below that of the site, so that a rename puts a file in place."""

    out: Path
    folder: Path

    def write(self, path: str, content: bytes) -> bool:
        """Whether the file is another than the one in place; it is written aside then.

        Raises:
            OSError: it cannot be written, or a folder is in its place.
        """
        place = self.out / path
        if place.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(place))
        if place.is_file() and place.read_bytes() == content:
            return False
        place.parent.mkdir(parents=True, exist_ok=True)
        aside = self.folder / path
        aside.parent.mkdir(parents=True, exist_ok=True)
        part = aside.with_name(f".unfinished-{uuid4().hex}")
        part.write_bytes(content)
        part.replace(aside)
        return True

    def put(self, gone: Iterable[str], last: str) -> None:
        """Puts everything that was written in place, ``last`` after all else, and removes files that are gone."""
        found = (p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*") if p.is_file())
        put = sorted(found, key=lambda path: (path == last, path))
        journal = _Journal(self.folder.name, sorted(gone), put)
        part = self.folder.with_name(f"{self.folder.name}.journal")
        part.write_text(json.dumps(asdict(journal)), encoding="utf-8")
        part.replace(self.out / JOURNAL)
        journal.apply(self.out)


@dataclass(frozen=True)
class _Journal:
    """What is to be done: files to ``put`` in place, in this order, from a folder aside; files that are ``gone``."""

    folder: str
    gone: list[str]
    put: list[str]

    def apply(self, out: Path) -> None:
        """Does what is not done yet: the last file, which says what there is, after all others."""
        for path in self.put[:-1]:
            self._place(out, path)
        for path in self.gone:
            (out / path).unlink(missing_ok=True)
        for path in self.put[-1:]:
            self._place(out, path)
        (out / JOURNAL).unlink()

    def _place(self, out: Path, path: str) -> None:
        aside = out / ASIDE / self.folder / path
        if aside.is_file():
            aside.replace(out / path)


def interrupted(out: Path) -> bool:
    """Whether a build was killed while it put its files in place."""
    return (out / JOURNAL).is_file()


@contextmanager
def staged(out: Path) -> Iterator[Stage]:
    """A stage in the folder of a site, which no other build has until the end; an interrupted one is finished first.

    Raises:
        UsageError: another process builds there.
        OSError: the folder cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        _finish(out)
        stage = Stage(out, out / ASIDE / uuid4().hex)
        stage.folder.mkdir(parents=True)
        try:
            yield stage
        finally:
            if not interrupted(out):  # else a rename failed: the next build goes on from there
                shutil.rmtree(out / ASIDE, ignore_errors=True)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Holds the lock of the folder itself: no file remains, and it ends with the process."""
    import fcntl

    handle = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{out}: expected to be the only one to publish there, got another process that does; "
                "wait for it, then run the same command again"
            ) from error
        yield
    finally:
        os.close(handle)


def _finish(out: Path) -> None:
    """Goes on with the renames of a build that was killed; what was not ready to be put in place is thrown away."""
    if interrupted(out) and (journal := _read(out)) is not None:
        journal.apply(out)
    shutil.rmtree(out / ASIDE, ignore_errors=True)


def _read(out: Path) -> _Journal | None:
    """The journal; None where no build wrote it: a path that leads outside is not ours."""
    try:
        journal = _Journal(**json.loads((out / JOURNAL).read_bytes()))
        paths = [Path(path) for path in (journal.folder, *journal.gone, *journal.put)]
    except (ValueError, TypeError):
        return None
    return journal if not any(".." in path.parts or path.is_absolute() for path in paths) else None
