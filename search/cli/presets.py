"""``mgnas presets``: list the presets and the networks of the papers."""

from __future__ import annotations

import sys

from results.tables import print_json, print_table
from search.study.study_file import preset_names, read_preset
from space.networks.references import REFERENCES


def print_presets(as_json: bool) -> None:
    """Print presets and references. Parameters of references are exact, accuracies are the published ones."""
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
        print_json({"presets": presets, "references": references})
        return
    print_table(("preset", "what it searches"), list(presets.items()), sys.stdout, text_columns=(0, 1))
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
