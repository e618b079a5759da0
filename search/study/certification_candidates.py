"""The networks that a certification trains, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from results.certification.records import Origin
from results.front import accuracy, complete_trials
from results.open import Study
from results.storage.records import HyperparameterValue, TrialRecord
from space.core.errors import InvalidInputError
from space.networks.load import read_spec
from space.networks.references import read_reference

NEAR = 2.0
"""Standard errors of the validation accuracy within which a network is near the front."""


@dataclass(frozen=True)
class Candidate:
    """A network to certify.

    Attributes:
        arch: The identity of the network.
        notation: The network in canonical notation.
        origin: Why it is certified.
        name: What users call it.
        search_trial: The trial of the search with this network; None for others.
        search_accuracy: The validation accuracy of that trial.
        recipe: The keys of ``[train]`` that the search chose for this network.
    """

    arch: str
    notation: str
    origin: Origin
    name: str
    search_trial: int | None = None
    search_accuracy: float | None = None
    recipe: Mapping[str, HyperparameterValue] = field(default_factory=dict)

    def as_detail(self) -> dict[str, Any]:
        """Return the candidate as plain data for the ledger."""
        return asdict(self)


@dataclass(frozen=True)
class Wanted:
    """The networks that a user asks for.

    Attributes:
        trials: Numbers of trials; with them or ``networks``, the front is not certified as a whole.
        networks: Notations, references or JSON files.
        references: References for comparison, beside those of the study.
        against: Other studies whose fronts are compared, such as a random search at equal cost.
        neighbours: The largest number of networks near the front; None for half the size of the front.
    """

    trials: Sequence[int] = ()
    networks: Sequence[str] = ()
    references: Sequence[str] = ()
    against: Sequence[Study] = ()
    neighbours: int | None = None

    @property
    def is_whole_front(self) -> bool:
        """Whether the whole front is certified."""
        return not (self.trials or self.networks)


def candidates(study: Study, wanted: Wanted) -> list[Candidate]:
    """Return the networks to certify; each network once, its first origin counts.

    Raises:
        InvalidInputError: The study has no front, or a network, reference or trial is unknown.
    """
    found: list[Candidate] = []
    if wanted.is_whole_front:
        if not study.front_records:
            raise InvalidInputError(f"{study.folder}: {study.why_no_front}; there is nothing to certify")
        found += [_of_trial(trial, "front") for trial in study.front_records]
        most = (len(study.front_records) + 1) // 2 if wanted.neighbours is None else wanted.neighbours
        found += [_of_trial(trial, "neighbour") for trial in near_front(study)[:most]]
    found += [_chosen(study, number) for number in wanted.trials]
    found += [_named(study, text) for text in wanted.networks]
    references = list(wanted.references)
    if wanted.is_whole_front:
        references += study.header.config.get("references", ())
    found += [_reference(study, name) for name in references]
    for other in wanted.against:
        found += [_of_other(trial, study, other) for trial in other.front_records]
    by_arch: dict[str, Candidate] = {}
    for one in found:
        by_arch.setdefault(one.arch, one)
    return list(by_arch.values())


def near_front(study: Study) -> list[TrialRecord]:
    """Return the complete networks that sampling error may have kept off the front, the nearest first.

    A network is near the front if the most accurate network that is no dearer leads by at most ``NEAR``
    standard errors.
    """
    objectives, sampling = study.objectives, study.header.sampling
    on_front = {trial.arch for trial in study.front_records}
    distances: dict[str, tuple[float, TrialRecord]] = {}
    for trial in complete_trials(study.records):
        if trial.arch in on_front or not objectives.are_known(trial):
            continue
        costs = objectives.values(trial)
        lead = max(
            accuracy(one) - accuracy(trial)
            for one in study.front_records
            if all(mine <= its for mine, its in zip(objectives.values(one), costs, strict=True))
        )
        distance = lead / max(sampling.error(accuracy(trial) + lead), 1e-12)
        if distance <= NEAR and distance < distances.get(trial.arch, (distance + 1,))[0]:
            distances[trial.arch] = (distance, trial)
    ranked = sorted(distances.values(), key=lambda pair: (pair[0], pair[1].number))
    return [trial for _, trial in ranked]


def _of_trial(trial: TrialRecord, origin: Origin, name: str | None = None) -> Candidate:
    number = None if origin == "other study" else trial.number
    return Candidate(
        trial.arch,
        trial.notation,
        origin,
        name or f"trial {trial.number}",
        number,
        trial.val_accuracy if trial.state == "complete" else None,
        dict(trial.training),
    )


def _chosen(study: Study, number: int) -> Candidate:
    trial = study.trial(number)
    return _of_trial(trial, "front" if trial in study.front_records else "named")


def _spec_of(study: Study, text: str) -> tuple[str, str]:
    """Return identity and notation of a network for the study's images."""
    data = study.header.data
    facts = {"in_channels": data["in_channels"], "num_classes": len(data["classes"])}
    spec = read_spec(text, **facts).canonical()
    if (spec.in_channels, spec.num_classes) != tuple(facts.values()):
        raise InvalidInputError(
            f"{text} is for {spec.in_channels} channels and {spec.num_classes} classes, but the images have "
            f"{facts['in_channels']} and {facts['num_classes']}"
        )
    return spec.arch, spec.notation


def _named(study: Study, text: str) -> Candidate:
    arch, notation = _spec_of(study, text)
    known = [trial for trial in complete_trials(study.records) if trial.arch == arch]
    return _of_trial(known[0], "named") if known else Candidate(arch, notation, "named", text)


def _reference(study: Study, name: str) -> Candidate:
    read_reference(name)
    arch, notation = _spec_of(study, name)
    known = {trial.reference: trial.val_accuracy for trial in complete_trials(study.references)}
    return Candidate(arch, notation, "reference", name, search_accuracy=known.get(name))


def _of_other(trial: TrialRecord, study: Study, other: Study) -> Candidate:
    if other.header.data["fingerprint"] != study.header.data["fingerprint"]:
        raise InvalidInputError(f"{other.folder} is a study of other images than {study.folder}")
    return _of_trial(trial, "other study", f"{other.name}, trial {trial.number}")
