"""The section on reproduction: environment, commands and the study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from results.report.html import command, escape
from results.report.section import Section
from results.storage.study_files import CONFIG
from results.study import StudyReader
from space.core.atomic_files import shell_word

_REPOSITORY_PACKAGE = "mgnas"


def reproduce_section(study: StudyReader) -> Section:
    """Return the environment of a study, and the commands that run and verify it again."""
    steps = [f"<li>{text}{command(line)}</li>" for text, line in _commands(study)]
    return Section(
        "reproduce",
        "Environment and how to reproduce",
        f"<table><tbody>{''.join(_row(name, value) for name, value in _facts(study))}</tbody></table>"
        f'<ol class="steps">{"".join(steps)}</ol><p>{_promise(study)}</p>{_study_file(study)}',
    )


def _facts(study: StudyReader) -> list[tuple[str, str]]:
    """Return what a repetition needs to know, as names and texts; unknown facts are left out."""
    environment, data = study.header.environment, study.header.data
    size = data.get("image_size")
    images = [f"{data[key]:,} {key}" for key in ("train", "val") if isinstance(data.get(key), int)]
    facts = {
        "images": ", ".join([data.get("name", ""), *images, *([" × ".join(map(str, size))] if size else [])]),
        "fingerprint of the images": data.get("fingerprint"),
        "seed": _seed_text(study),
        "hash of the search space": None if study.header.plan else study.header.space_hash,
        "versions": ", ".join(f"{name} {version}" for name, version in _packages(environment).items()),
        "Python": environment.get("python"),
        "commit of mgnas": environment.get("commit"),
        "processor": _with_count(environment.get("cpu"), environment.get("cores"), "cores"),
        "GPUs": ", ".join(environment.get("gpus") or ()) or ("none" if "gpus" in environment else None),
        "platform": environment.get("platform"),
        "begun": environment.get("began"),
    }
    facts |= {f"plugin {name}": f"SHA-256 {digest}" for name, digest in study.header.plugins.items()}
    return [(name, str(value)) for name, value in facts.items() if value not in (None, "")]


def _seed_text(study: StudyReader) -> str | None:
    if study.header.plan:
        return ", ".join(str(seed) for seed in sorted({training.seed for training in study.header.plan}))
    search = study.header.config.get("search")
    return str(search["seed"]) if isinstance(search, Mapping) and "seed" in search else None


def _packages(environment: Mapping[str, Any]) -> Mapping[str, str]:
    packages = environment.get("packages")
    return packages if isinstance(packages, Mapping) else {}


def _with_count(name: str | None, count: int | None, word: str) -> str | None:
    return name if name is None or count is None else f"{name}, {count} {word}"


def _row(name: str, value: str) -> str:
    return f'<tr><th scope="row">{escape(name)}</th><td><code>{escape(value)}</code></td></tr>'


def _commands(study: StudyReader) -> list[tuple[str, str]]:
    """Return explanations and command lines, in order."""
    environment, folder = study.header.environment, study.folder
    packages = [
        f"{name}=={version}"
        for name, version in _packages(environment).items()
        if name != _REPOSITORY_PACKAGE
    ]
    commands = []
    if commit := environment.get("commit"):
        commands.append(("In a checkout of mgnas, take the same code:", f"git checkout {commit}"))
    if packages:
        install = " ".join(["pip install -e .", *packages])
        commands.append(("Install it with the same versions:", install))
    again = folder.parent / f"{folder.name}-again"
    search = f"mgnas search {shell_word(folder / CONFIG)} --dir {shell_word(again)}"
    if study.header.plan:
        commands.append(("Train the networks again, in a new folder:", search))
        return commands
    commands.append(("Search again, in a new folder:", search))
    commands.append(
        ("Check the recorded decisions, without a training:", f"mgnas verify {shell_word(folder)}")
    )
    return commands


def _promise(study: StudyReader) -> str:
    if study.header.plan:
        return "On one CPU with the same versions, each training has the same bits. On GPUs this is not guaranteed."
    return (
        "With one worker on one CPU and the same versions, the search repeats to the last digit. With several "
        "workers, the order in which trainings end differs, and so do the decisions. On GPUs the same bits are not "
        "guaranteed."
    )


def _study_file(study: StudyReader) -> str:
    """Return the text of ``study.toml``, folded; empty where the folder has none."""
    try:
        text = (study.folder / CONFIG).read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return ""
    button = f'<button type="button" class="small" data-copy="{escape(text)}">copy</button>'
    return (
        f"<details><summary>{CONFIG}</summary><p>{button}</p><pre><code>{escape(text)}</code></pre></details>"
    )
