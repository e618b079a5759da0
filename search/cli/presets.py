"""``mgnas presets``: list the presets, the targets and the networks of the papers."""

from __future__ import annotations

import sys
from typing import Any, TextIO

from results.tables import print_json, print_table
from search.study.study_file import preset_names, read_preset
from space.networks.references import REFERENCES
from space.targets.read import known_target, target_names
from space.targets.target import Target
from space.targets.text import limits_text


def print_presets(as_json: bool) -> None:
    """Print presets, targets and references. Parameters of references are exact, accuracies are the published ones."""
    presets = {name: str(read_preset(name)["description"]) for name in preset_names()}
    specs = {reference.name: reference.spec() for reference in REFERENCES.values()}
    if as_json:
        references = [
            {
                "name": reference.name,
                "notation": specs[reference.name].notation,
                "params": specs[reference.name].params,
                "published_params": reference.params,
                "published_accuracies": reference.accuracies,
                "source": reference.source,
            }
            for reference in REFERENCES.values()
        ]
        targets = [_target_facts(known_target(name)) for name in target_names()]
        print_json({"presets": presets, "targets": targets, "references": references})
        return
    print_table(("preset", "what it searches"), list(presets.items()), sys.stdout, text_columns=(0, 1))
    _print_targets(sys.stdout)
    rows = [
        (
            reference.name,
            f"{specs[reference.name].params:,}",
            reference.params,
            ", ".join(f"{name} {value:.2f}" for name, value in reference.accuracies.items()) or "-",
            reference.source,
            specs[reference.name].notation,
        )
        for reference in REFERENCES.values()
    ]
    sys.stdout.write(
        "\nreferences, for 'mgnas describe NAME' and a study's references = [\"NAME@SCALE\"]:\n\n"
    )
    header = ("reference", "parameters", "published", "published accuracy, %", "source", "network")
    optional = ("network", "source", "published accuracy, %", "published")
    print_table(header, rows, sys.stdout, text_columns=(0, 2, 3, 4, 5), optional=optional)


def _target_facts(target: Target) -> dict[str, Any]:
    """Return a target as plain data, with the values that follow from its keys."""
    return target.model_dump(mode="json") | {
        "limits": target.limits,
        "max_image_side": target.image_side,
        "costs": list(target.objectives),
        "formats": list(target.export_formats),
    }


def _print_targets(out: TextIO) -> None:
    out.write("\ntargets, for 'mgnas search --target NAME':\n\n")
    targets = [known_target(name) for name in target_names()]
    rows = [
        (
            target.name,
            target.description,
            limits_text(target),
            "-" if target.image_side is None else str(target.image_side),
            ", ".join(target.objectives),
            ", ".join(target.export_formats),
        )
        for target in sorted(targets, key=lambda target: (not target.is_microcontroller, target.name))
    ]
    header = ("target", "device", "limits of a network", "image, at most", "costs", "exports")
    optional = ("exports", "costs", "image, at most", "device")
    print_table(header, rows, out, text_columns=(0, 1, 2, 4, 5), optional=optional)
