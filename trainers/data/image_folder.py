"""Images in folders, one folder per class: ``imagefolder:PATH``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from space.core.errors import InvalidInputError, nearest, shortened
from space.core.system_errors import explain_system_error
from trainers.data.folder_layout import find_layout
from trainers.data.folder_names import (
    SUFFIXES,
    checked_name,
    composed,
    entries,
    fail,
    is_ignored,
    plain,
    table_hint,
)
from trainers.data.image_files import ImageForm, common_form
from trainers.data.image_store import decoded, signature_of_files
from trainers.data.raw_images import Pair, RawImages, SourceOptions
from trainers.device.memory_size import available_memory

MEMORY_SHARE = 0.2
"""Fraction of the free memory for decoded images. Larger sets stay in their files."""


def load_image_folder(path: str, options: SourceOptions) -> RawImages:
    """Return the images below a folder.

    The layout is ``train/CLASS/*`` with optional ``val/`` and ``test/`` beside it, or ``CLASS/*``.

    All images get one size. ``common_form`` chooses it. Each image is
    scaled to cover that size and cropped symmetrically. The images are grey if all of them are grey,
    otherwise RGB. 16-bit pixels keep their upper 8 bits. Test images do not influence size and mode; they
    are converted to the form of the other images.

    Args:
        path: The folder.
        options: Size of the images and memory limits.

    Returns:
        The parts as pairs of images (uint8 N H W C) and labels (int64 N).

    Raises:
        InvalidInputError: The folder is missing or cannot be read, has another layout, or holds a file
            with an image suffix that is not an image.
    """
    if not path:
        raise InvalidInputError("the source imagefolder needs a folder: imagefolder:PATH")
    try:
        return _load(Path(path), options)
    except OSError as error:
        raise InvalidInputError(
            f"{shortened(str(error.filename or path))} cannot be read: {explain_system_error(error)}"
        ) from None


def _load(root: Path, options: SourceOptions) -> RawImages:
    if root.is_file():
        hint = f"; did you mean 'npz:{root}'?" if root.suffix == ".npz" else ""
        raise InvalidInputError(f"{root} is a file, but imagefolder needs a folder{hint}")
    if not root.is_dir():
        raise InvalidInputError(
            f"there is no folder {shortened(str(root))}; --data imagefolder:PATH tells where the images are"
        )
    layout = find_layout(root)
    folders = layout.folders
    left_out: list[Path] = []
    owners: dict[Path, Path] = {}
    files = {
        part: _files(folder, left_out, owners, is_train=part == "train") for part, folder in folders.items()
    }
    classes = tuple(files["train"])
    for part, found in files.items():
        if unknown := [name for name in found if name not in classes]:
            raise InvalidInputError(
                f"{folders[part]} has a class {unknown[0]!r}, which {folders['train']} has not"
                f"{_hint(unknown[0], classes)}"
            )
    by_part = {part: [file for listed in found.values() for file in listed] for part, found in files.items()}
    if test := by_part.pop("test", []):
        # checks the files only: test images must not influence the form
        common_form(test, options.image_size, options.max_image_side)
    paths = [file for listed in by_part.values() for file in listed]
    form = common_form(paths, options.image_size, options.max_image_side)
    room = (
        options.memory_gib * 2**30
        if options.memory_gib is not None
        else MEMORY_SHARE * options.memory_share * available_memory()
    )
    share = room / len(paths)
    signature = signature_of_files(paths, form)
    # a search does not use test images: keep them in their files instead of decoding them in vain
    shares = {part: 0.0 if part == "test" else share for part in files}
    parts = {part: _read(found, classes, form, shares[part]) for part, found in files.items()}
    if len(classes) == 1:
        raise InvalidInputError(
            f"{folders['train']} has one class only, {classes[0]!r}; put the images of each class into "
            f"a folder of its own{table_hint(root, folders['train'])}"
        )
    notes = (*layout.notes, *_notes_of_case(classes), *_notes(left_out))
    return RawImages(
        root.name, classes, parts["train"], parts.get("val"), parts.get("test"), signature, notes
    )


def _hint(name: str, classes: Sequence[str]) -> str:
    """Return a hint with the known class that differs in case, spaces or spelling only, if there is one."""
    for known in classes:
        if plain(known) == plain(name):
            return f", but {known!r}; give both folders one name"
    return nearest(name, tuple(classes))


def _notes_of_case(classes: Sequence[str]) -> list[str]:
    """Return a note for each pair of classes with names that differ in case or spaces only."""
    seen: dict[str, str] = {}
    notes = []
    for name in classes:
        if (other := seen.setdefault(plain(name), name)) != name:
            notes.append(f"the classes {other!r} and {name!r} differ in case or spaces only: are they one?")
    return notes


def _notes(left_out: list[Path]) -> tuple[str, ...]:
    """Return a note about the files that are left out; without such files, an empty tuple."""
    if not left_out:
        return ()
    files = f"{len(left_out):,} files are" if len(left_out) > 1 else "a file is"
    return (
        f"{files} left out, such as {shortened(str(left_out[0]))}: images are files below a class's folder "
        f"that end in {', '.join(SUFFIXES)}",
    )


def _files(
    folder: Path, left_out: list[Path], owners: dict[Path, Path], *, is_train: bool
) -> dict[str, list[Path]]:
    """Return the image files of each class, and add other files to ``left_out``.

    Classes and files are sorted by name. A class of the train part must have images. A class of another
    part may be empty. Folders with names that begin with a dot are ignored. ``_is_new`` describes
    ``owners``.
    """
    found: dict[str, list[Path]] = {}
    children = [child for child in entries(folder) if _is_there(child)]
    class_folders = [child for child in children if child.is_dir()]
    left_out += [child for child in children if not child.is_dir() and child.suffix.lower() in SUFFIXES]
    for child in class_folders:
        _is_new(child, child, owners)
    for child in class_folders:
        if listed := _images_below(child, left_out, owners):
            name = checked_name(child)
            if name in found:
                raise InvalidInputError(
                    f"{folder} has two folders {name!r}, whose names differ in their Unicode form only; put "
                    "their images into one"
                )
            found[name] = listed
        elif is_train:
            raise InvalidInputError(
                f"{child} has no images, files that end in {', '.join(SUFFIXES[:3])} and the like; bring "
                "some, or move the folder away"
            )
    if not found:
        raise InvalidInputError(
            f"{folder} has no folders with images in them; one for each class is needed, "
            f"with files that end in {', '.join(SUFFIXES[:3])} and the like{table_hint(folder)}"
        )
    return found


def _images_below(folder: Path, left_out: list[Path], owners: dict[Path, Path]) -> list[Path]:
    """Return the image files in a class folder and its subfolders, and add other files to ``left_out``.

    The function follows links and visits each folder once. It ignores files and folders with names that
    begin with a dot: systems add them. ``_is_new`` describes ``owners``.

    Raises:
        OSError: A folder cannot be read.
    """
    paths: list[Path] = []
    for parent, children, names in os.walk(folder, onerror=fail, followlinks=True):
        children[:] = [
            name
            for name in sorted(children)
            if not is_ignored(name) and _is_new(Path(parent, name), folder, owners)
        ]
        for path in (Path(parent, name) for name in names if not is_ignored(name)):
            (paths if path.suffix.lower() in SUFFIXES else left_out).append(path)
    found = [path for path in paths if _is_there(path) and path.is_file()]
    return sorted(found, key=lambda path: Path(composed(str(path))).parts)


def _is_new(folder: Path, of_class: Path, owners: dict[Path, Path]) -> bool:
    """Return whether a folder is new, and record its class folder in ``owners``.

    ``owners`` maps resolved folders to class folders, over all parts.

    Raises:
        InvalidInputError: A link assigns the folder to two classes or parts, or it leads to a parent of
            the classes.
    """
    place = folder.resolve()
    if of_class.parent.resolve().is_relative_to(place):
        raise InvalidInputError(f"{folder} leads to {place}, in which the classes lie; remove that link")
    is_new = place not in owners
    owner = owners.setdefault(place, of_class)
    if owner != of_class:
        raise InvalidInputError(
            f"by a link the images of {place} belong to both {owner} and {of_class}; remove that link"
        )
    return is_new


def _is_there(path: Path) -> bool:
    """Return True for an existing path.

    Raises:
        InvalidInputError: The path is a broken link.
    """
    if path.is_symlink() and not path.exists():
        raise InvalidInputError(f"{path} is a link that leads nowhere; remove it, or bring what it names")
    return True


def _read(
    found: Mapping[str, list[Path]], classes: tuple[str, ...], form: ImageForm, bytes_an_image: float
) -> Pair:
    paths = [path for listed in found.values() for path in listed]
    of_class = np.array([classes.index(name) for name in found], dtype=np.int64)
    labels = np.repeat(of_class, [len(listed) for listed in found.values()])
    return decoded(paths, form, bytes_an_image * len(paths)), labels
