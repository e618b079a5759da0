"""The plugin files of a recorded study: inside its folder, and unchanged since the search began."""

from __future__ import annotations

from pathlib import Path

from results.storage.records import StudyHeader
from space.core.errors import InvalidInputError, shown
from space.networks.plugins import plugin_digest

PLUGINS = "plugins"


def plugin_files(folder: Path, header: StudyHeader) -> list[Path]:
    """Return the plugin files of a study, which are safe to name but not yet loaded.

    A plugin is code. The folder holds copies of the files that the user named. A name that leads elsewhere, or a
    file with another content, was not named by the user.

    Args:
        folder: The study's folder.
        header: The recorded facts of the study.

    Raises:
        InvalidInputError: A name leaves the folder, or a file is missing or was changed.
    """
    files = []
    for name in header.config.get("plugins") or ():
        file = folder / PLUGINS / Path(str(name)).name
        if str(name) != f"{PLUGINS}/{file.name}":
            raise InvalidInputError(
                f"{folder} names the plugin {shown(str(name))}, which is outside its folder {PLUGINS}; "
                "restore the study from a copy"
            )
        if plugin_digest(file) != header.plugins.get(file.name):
            raise InvalidInputError(f"{file} was changed after the search began; restore it from a copy")
        files.append(file)
    return files
