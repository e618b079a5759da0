"""Detection of the layout of an image folder: the folders of train, validation and test images."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from space.core.errors import InvalidInputError
from trainers.data.folder_names import (
    PARTS,
    UNCLEAR_PARTS,
    composed,
    folders_in,
    has_images,
    images_in,
    is_ignored,
    listed,
    part_of,
    plain,
    table_hint,
)

IMAGE_FOLDERS = {"images", "image", "imgs", "img"}
ANNOTATION_FOLDERS = {"labels", "label", "masks", "mask", "annotations", "annots", "bboxes", "segmentation"}


@dataclass
class Layout:
    """The folder of class folders of each part, and notes for the user.

    A root without part folders counts as ``train``. A later step splits it.
    """

    folders: dict[str, Path]
    notes: list[str] = field(default_factory=list)


def find_layout(root: Path) -> Layout:
    """Return the folder of class folders of each part.

    The function enters a single folder that wraps all others. It ignores folders beside the parts. Both
    cases add a note.

    Args:
        root: The folder that the user named.

    Returns:
        The folders by part (``train``, ``val``, ``test``), and the notes. ``train`` is always present.

    Raises:
        InvalidInputError: Parts and classes cannot be told apart, or the class folders are missing.
        OSError: A folder cannot be read.
    """
    inner = _unwrapped(root)
    notes = [f"the images are read from {inner}, the only folder in {root}"] if inner != root else []
    notes += _notes_of_systems(inner)
    found, others = _parts(inner, notes)
    if found and "train" not in found:
        first = next(found[part].name for part in ("val", "test") if part in found)
        raise InvalidInputError(
            f"{inner} has {first}/ but no train/; add train/, or rename {first}/ if it is a class"
        )
    if found and _are_classes(found, others):
        notes.append(f"{listed(list(found.values()))} is taken as a class: its images lie directly in it")
        found = {}
    if "test" in found and _is_flat(found["test"]):
        notes.append(f"{found['test']} is not used: it has no class folders, so its images have no labels")
        del found["test"]
    if not found:
        _check_classes(inner)
        return Layout({"train": inner}, notes + _note_of_siblings(root))
    return Layout(_with_inner_folders(found, notes), notes + _notes_of_others(inner, found, others))


def _unwrapped(folder: Path, *, is_part: bool = False) -> Path:
    """Return the folder of the classes or parts inside its wrapper folders; without wrappers, ``folder``."""
    inner, seen = folder, set[Path]()
    while len(folders := folders_in(inner)) == 1 and not images_in(inner):
        if (part_of(folders[0]) and not is_part) or inner.resolve() in seen:
            break
        seen.add(inner.resolve())
        inner = folders[0]
    is_wrapped = len(folders) > 1 or (len(folders) == 1 and part_of(folders[0]) is not None)
    return inner if is_wrapped and not images_in(inner) else folder


def _parts(root: Path, notes: list[str]) -> tuple[dict[str, Path], list[Path]]:
    """Return the part folders, found by their usual names, and the other folders with images."""
    found: dict[str, Path] = {}
    unclear: list[Path] = []
    others: list[Path] = []
    for child in folders_in(root):
        part = part_of(child)
        if part is None:
            (unclear if plain(child.name) in UNCLEAR_PARTS else others).append(child)
            continue
        if part in found:
            raise InvalidInputError(
                f"{root} has {found[part].name}/ and {child.name}/, both for {part}; move one of them away"
            )
        found[part] = child
    if "train" in found:
        for child in unclear:
            part = "test" if "test" not in found else "val"
            if part in found:
                others.append(child)
                continue
            found[part] = child
            use = "the test images: no search sees them" if part == "test" else "the validation images"
            other = "val" if part == "test" else "test"
            notes.append(f"{child.name}/ is taken as {use}; if they are not, rename it to {other}/")
    order: tuple[str, ...] = ("train", "val", "test")
    ordered = {part: found[part] for part in order if part in found}
    return ordered, [child for child in others if found and has_images(child)]


def _are_classes(found: dict[str, Path], others: list[Path]) -> bool:
    """Return whether the folders with part names are classes.

    They are classes if other folders lie beside them and all of them hold images directly.

    Raises:
        InvalidInputError: ``train`` has no class folders, or it may be a class itself.
    """
    root = found["train"].parent
    flat = [folder for folder in found.values() if _is_flat(folder)]
    if others and len(flat) == len(found):
        return True
    if found["train"] in flat:
        raise InvalidInputError(
            f"{found['train']} has no folders with images in them; put the images of each class into a "
            f"folder of its own, train/CLASS{table_hint(root, found['train'])}"
        )
    if others and len(found) == 1:
        name = found["train"].name
        raise InvalidInputError(
            f"{root} has {name}/ beside {listed(others)}: rename {name}/ if it is a class, or move the "
            "others away"
        )
    return False


def _is_flat(folder: Path) -> bool:
    return not folders_in(folder) and bool(images_in(folder))


def _with_inner_folders(found: dict[str, Path], notes: list[str]) -> dict[str, Path]:
    """Return the part folders; a folder that wraps the classes of a part replaces the part folder."""
    inner: dict[str, Path] = {}
    classes: set[str] = set()
    for part, folder in found.items():
        inside = _unwrapped(folder, is_part=True)
        wrapper = folders_in(folder)[0].name if inside != folder else ""
        inner[part] = folder if composed(wrapper) in classes else inside
        if inner[part] != folder:
            notes.append(f"the {part} images are read from {inside}, the only folder in {folder}")
        if part == "train":
            classes = {composed(child.name) for child in folders_in(inside)}
        _check_detection(inner[part])
    return inner


def _check_classes(root: Path) -> None:
    """Refuse class folders with names like those of parts, and parts below the classes."""
    _check_detection(root)
    folders = folders_in(root)
    by_part: dict[str, Path] = {}
    for child in folders:
        for word in re.split(r"[\W_]+", child.name.casefold()):
            if part := PARTS.get(word):
                by_part.setdefault(part, child)
        below = {part for inner in folders_in(child) if (part := part_of(inner))}
        if "train" in below and len(below) > 1:
            raise InvalidInputError(
                f"{child} has train/ and others in it; put the classes into them instead, as in "
                f"train/{child.name}"
            )
    if "train" in by_part and len(set(by_part.values())) > 1:
        names = " and ".join(
            f"{folder.name}/ to {part}/" for part, folder in by_part.items() if part_of(folder) is None
        )
        raise InvalidInputError(
            f"{root} has folders that look like parts and not like classes; rename {names}"
        )
    if not folders and images_in(root):
        raise InvalidInputError(
            f"{root} has no folders with images in them; put the images of each class into a folder of its "
            f"own{table_hint(root)}"
        )


def _check_detection(folder: Path) -> None:
    """Refuse a folder of images beside masks or boxes. It belongs to detection or segmentation."""
    names = {plain(child.name) for child in folders_in(folder)}
    if names & IMAGE_FOLDERS and names & ANNOTATION_FOLDERS and names <= IMAGE_FOLDERS | ANNOTATION_FOLDERS:
        raise InvalidInputError(
            f"{folder} looks like a set for detection or segmentation ({', '.join(sorted(names))}); mgnas "
            "needs a folder for each class, with whole images in it"
        )


def _notes_of_others(root: Path, found: dict[str, Path], others: list[Path]) -> list[str]:
    if not others:
        return []
    is_are = "is" if len(others) == 1 else "are"
    return [f"{listed(others)} in {root} {is_are} not used: only {listed(list(found.values()))} have a use"]


def _notes_of_systems(root: Path) -> list[str]:
    return [
        f"{child.name}/ in {root} is not used: archive programs and systems add such folders"
        for child in sorted(root.iterdir())
        if not child.name.startswith(".") and is_ignored(child.name) and child.is_dir()
    ]


def _note_of_siblings(root: Path) -> list[str]:
    """Return a note if the user named the train folder only and other parts lie beside it."""
    if part_of(root) != "train" or not root.absolute().parent.is_dir():
        return []
    parent = root.absolute().parent
    siblings = [child for child in folders_in(parent) if part_of(child) in ("val", "test")]
    if not siblings:
        return []
    return [f"{listed(siblings)} beside {root} is not used; imagefolder:{parent} would use it"]
