"""Names of files and directories, as Assay makes them; HDF5 has no need of most of it.

A name has at most 255 bytes, none that Windows refuses, and differs from those beside it even where
a file system folds case or normalises Unicode. What does not fit is cut, and a hash of the whole
stands in its place: ``run.json`` has the exact names.
"""

from __future__ import annotations

import errno
import hashlib
import os
import unicodedata

from assay_torch.text import clean

LIMIT = 255  # bytes of a name in the file systems of Linux and macOS
HEAD, DIGITS = 200, 32  # what is kept of a longer one: its beginning, and of its hash

_FORBIDDEN = {*range(0x20), *b'%/"*:<>?\\|'}
_DEVICES = {"con", "prn", "aux", "nul", "conin$", "conout$",
            *(kind + digit for kind in ("com", "lpt") for digit in "0123456789\u00b9\u00b2\u00b3")}


def escaped(text: str) -> str:
    """A module, slot or device as part of a name: as ``%`` and two digits what cannot be in one."""
    text = clean(text)
    is_device = text.partition(".")[0].rstrip(" ").lower() in _DEVICES
    data = text.encode()
    last = len(data) - 1
    return b"".join(
        b"%%%02X" % byte if byte in _FORBIDDEN
        or position == 0 and (byte == 0x2E or is_device)
        or position == last and byte in b". " else bytes((byte,))
        for position, byte in enumerate(data)).decode()


def fitted(stem: str, extension: str = "") -> str:
    """The stem of a name, cut where the name would be too long."""
    data = stem.encode()
    if len(data) + len(extension) <= LIMIT:
        return stem
    head = data[:HEAD].decode("utf-8", "ignore")
    if "%" in head[-2:]:
        head = head[:head.rindex("%")]  # half an escape
    return f"{head}%~{hashlib.sha256(data).hexdigest()[:DIGITS]}"


def folded(name: str) -> str:
    """What two names have in common that some file system takes for one."""
    if name.isascii():
        return name.lower()
    decomposed = unicodedata.normalize("NFD", name)
    lower = "".join(one.lower() for scalar in decomposed for one in scalar.upper())
    return unicodedata.normalize("NFD", lower)


class Names:
    """The names within one directory, of which no two are one name to any file system."""

    def __init__(self, *taken: str) -> None:
        self.taken = {folded(name) for name in taken}

    def add(self, stem: str, extension: str = "") -> str:
        """A new name without its extension: with as many ``%`` at its end as it takes."""
        while folded(name := fitted(stem, extension)) in self.taken:
            stem += "%"
        self.taken.add(folded(name))
        return name


def rename_to_new(path: str, target: str) -> None:
    """Gives a file its final name, where nothing has it yet. Raises ``FileExistsError``."""
    try:
        os.link(path, target)  # which never takes another's place
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from None
        os.rename(path, target)
        return
    os.unlink(path)


def replace_file(path: str, text: str) -> None:
    """Writes a whole file under another name first, so that it appears whole or not at all."""
    temporary = os.path.join(os.path.dirname(path), ".tmp")
    with open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
    os.replace(temporary, path)
