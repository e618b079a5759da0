"""Networks chosen from a study by a rule, by the number of a trial, or by name: certified figures come first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from results.certification.certification import Certification
from results.certification.records import CertifiedNetwork
from results.front import accuracy
from results.picks import RECOMMENDED, pick
from results.storage.reading import reading_ledger
from results.storage.records import TrialRecord
from results.study import StudyReader
from space.core.atomic_files import shell_word
from space.core.errors import InvalidInputError, nearest, shown
from space.core.text import plural


@dataclass(frozen=True)
class Certificate:
    """The certified figures of a network.

    Attributes:
        study: The study of the search.
        certification: Its certification.
        network: The network.
    """

    study: StudyReader = field(repr=False)
    certification: Certification = field(repr=False)
    network: CertifiedNetwork


@dataclass(frozen=True)
class ChosenNetwork:
    """A network of a study, and the training whose weights an export takes.

    Attributes:
        trial: The training. Its number is that of ``study``.
        study: The study with the training: that of the search, or its certification.
        certificate: The certified figures; None if the figures and the weights are those of the search.
    """

    trial: TrialRecord
    study: StudyReader = field(repr=False)
    certificate: Certificate | None = None

    @property
    def certified(self) -> CertifiedNetwork | None:
        """The certified figures; None if the figures are those of the search."""
        return None if self.certificate is None else self.certificate.network

    @property
    def search(self) -> StudyReader:
        """The study of the search."""
        return self.study if self.certificate is None else self.certificate.study

    @property
    def search_trial(self) -> int | None:
        """The trial of the search with this network; None for a network that only the certification trained."""
        return self.trial.number if self.certified is None else self.certified.search_trial

    @property
    def name(self) -> str:
        """What users call the network, such as ``trial 3``."""
        return f"trial {self.trial.number}" if self.certified is None else self.certified.name

    @property
    def arch(self) -> str:
        """The identity of the network."""
        return self.trial.arch

    @property
    def notation(self) -> str:
        """The network in canonical notation."""
        return self.trial.notation

    @property
    def params(self) -> int:
        """Parameters."""
        return self.trial.params

    @property
    def macs(self) -> int:
        """MACs of one image."""
        return self.trial.macs

    @property
    def val_accuracy(self) -> float | None:
        """Validation accuracy, 0 to 1: the mean over the seeds of the certification, or that of the trial."""
        return self.trial.val_accuracy if self.certified is None else self.certified.val.mean

    @property
    def folder_name(self) -> str:
        """The name of the export's default folder, such as ``trial-3``."""
        number = self.search_trial
        return f"network-{self.arch}" if number is None else f"trial-{number}"


def certified_front(study: StudyReader) -> list[CertifiedNetwork]:
    """Return the networks that picks compare by certified figures; empty if picks compare those of the search.

    Picks need the certification of the whole front: of some networks alone, the best is not that of the study.
    """
    certification = study.certification
    if certification is None or uncertified(study):
        return []
    front = certification.front
    return front if all(study.objectives.are_known(network.exported) for network in front) else []


def uncertified(study: StudyReader) -> list[TrialRecord]:
    """Return the trials of the search's front that its certification leaves out; empty without a certification."""
    if study.certification is None:
        return []
    return [trial for trial in study.front_records if trial.arch not in study.certification.candidates]


def pick_network(
    study: StudyReader, how: str = RECOMMENDED, max_params: int | None = None, *, searched: bool = False
) -> ChosenNetwork:
    """Return one network of the certified front, or of the search's front without its certification.

    Certified figures are compared by the mean validation accuracy and its standard error: the test split selects
    nothing.

    Args:
        study: The study.
        how: A rule of ``results.picks.pick``.
        max_params: The largest number of parameters; None for no limit.
        searched: Whether to compare the figures of the search, and to take its weights.

    Raises:
        InvalidInputError: ``how`` is unknown, or there is no such network.
    """
    if front := [] if searched else certified_front(study):
        trials = [replace(network.exported, val_accuracy=network.val.mean) for network in front]
        errors = {network.exported.number: network.val.error for network in front}
        found = pick(trials, how, max_params, study.objectives, study.header.sampling, errors)
        return _certified(study, front[trials.index(found)])
    if not study.front_records:
        raise InvalidInputError(f"{study.folder}: {study.why_no_front}, so there is nothing to pick from")
    found = pick(study.front_records, how, max_params, study.objectives, study.header.sampling)
    return network_of_trial(study, found, searched=searched)


def network_of_trial(study: StudyReader, trial: TrialRecord, *, searched: bool = False) -> ChosenNetwork:
    """Return the network of a trial of the search, with its certified figures and weights if there are any."""
    certification = None if searched else study.certification
    network = None if certification is None else certification.by_arch.get(trial.arch)
    if network is None or network.origin == "other study":
        return ChosenNetwork(trial, study)
    return _certified(study, network)


def network_by_name(study: StudyReader, name: str) -> ChosenNetwork:
    """Return a certified network by its name, notation or identity.

    Raises:
        InvalidInputError: There is no such network, or no certification.
    """
    certification = study.certification
    if certification is None:
        raise InvalidInputError(
            f"network {shown(name)}: {study.folder} has no certified networks; 'mgnas certify "
            f"{shell_word(study.folder)} --network SPEC' certifies one"
        )
    for network in certification.networks:
        if name in (network.name, network.notation, network.arch):
            return _certified(study, network)
    known = [network.name for network in certification.networks]
    raise InvalidInputError(
        f"{certification.folder} has no network {shown(name)}{nearest(name, known)}; 'mgnas front "
        f"{shell_word(study.folder)}' lists the certified networks"
    )


def _certified(study: StudyReader, network: CertifiedNetwork) -> ChosenNetwork:
    assert study.certification is not None
    owner = _reader(study.certification.folder)
    return ChosenNetwork(network.exported, owner, Certificate(study, study.certification, network))


def _reader(folder: Path) -> StudyReader:
    with reading_ledger(folder) as ledger:
        return StudyReader(folder, ledger.header(), ledger.trials(), ledger.clock_s())


def certified_line(chosen: ChosenNetwork) -> str:
    """Return the certified figures of a network in a sentence, and which training's weights stand for it."""
    certificate = chosen.certificate
    assert certificate is not None
    network, certification = certificate.network, certificate.certification
    test, trial = network.test, chosen.trial
    deviation = "" if test.deviation is None else f" +- {100 * test.deviation:.2f}"
    return (
        f"certified: test accuracy {100 * test.mean:.2f}{deviation} % over {plural(test.count, 'seed')} (95 % interval "
        f"{100 * test.low:.1f} to {100 * test.high:.1f} %), validation {100 * network.val.mean:.2f} %; weights of "
        f"seed {trial.seed}, trial {trial.number} of {certification.folder}, validation "
        f"{100 * accuracy(trial):.2f} %"
    )
