"""One run of a study: from its configuration to its results."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from results.forecast import Activity
from results.open import Study, open_study
from results.storage.errors import StorageFullError
from results.storage.objectives import COSTS
from results.storage.plugin_files import PLUGINS
from results.storage.study_files import CONFIG
from results.storage.waiting import Wait, patient
from search.devices.models import check_can_export
from search.executors.messages import Setup
from search.executors.slots import Slot
from search.study.begin import open_store
from search.study.clock import Clock
from search.study.components import Components, compose, open_places, rungs_of
from search.study.config import StudyConfig
from search.study.devices import measured_on_devices
from search.study.driver import Driver
from search.study.event_log import EventLog, logged_run
from search.study.folder import IMAGES, StudyFolder
from search.study.int8_front import quantise_front
from search.study.lock import after_other_drivers
from search.study.log import logged_to
from search.study.objectives import no_energy
from search.study.opening import opening_lines
from search.study.outputs import write_outputs
from search.study.places import Places
from search.study.progress import Progress, Silent, said_if_long
from search.study.resume import results_if_complete
from search.study.retraining import Retraining, lost_weights, note_lost
from search.study.same_study import budgets
from search.study.signals import held_back
from search.study.store import StudyStore
from search.study.teacher_files import TeacherFile, keep_teacher, teacher_path
from search.study.warm_start import read_earlier
from space.core.errors import InvalidInputError, MgnasError
from space.core.text import plural
from space.search_space import SearchSpace
from space.targets.text import limits_text
from trainers.data.image_checks import check_images
from trainers.data.load_splits import known_format, load_search_data
from trainers.data.splits import SearchData


def run_study(
    config: StudyConfig,
    path: str | Path,
    progress: Progress | None = None,
    load: Callable[[], SearchData] | None = None,
    *,
    repair: bool = False,
    standby: bool = False,
    teacher: TeacherFile | None = None,
) -> Study:
    """Search until a budget of ``config`` is spent, and return the results.

    The study in ``path`` resumes where it stopped; a complete study returns at once. With a plan, the networks
    of the plan are trained instead of a search. The run writes ``trials.csv``, ``front.csv`` and
    ``report.html`` into the folder.

    Args:
        config: The configuration of the study.
        path: The folder of the study; it is created if it does not exist.
        progress: The display of the search; None shows nothing.
        load: Returns the images, if the caller has loaded them.
        repair: Whether networks with missing or damaged weights are trained again first.
        teacher: The teacher of the recipe, which the folder keeps; None if the folder has it, or without one.
        standby: Whether to wait for a driver that is at work on the study, and to take over at its end.

    Raises:
        StudyBusyError: Another driver is at work on the study.
        InvalidInputError: The folder holds something else, another study, or a damaged one; the images are
            bad; or ``execution.threads`` exceeds the number of cores.
        SearchError: The search cannot continue. Its results are recorded.
        StorageFullError: The disk is full. The results are recorded.
        LeaseLostError: Another driver has taken over the study.
    """
    progress = progress or Silent()

    def run() -> Study:
        return _run(config, path, progress, load, teacher, repair=repair)

    with patient(Wait(tell=progress.note)):
        return after_other_drivers(Path(path), progress.note, run) if standby else run()


def _run(
    config: StudyConfig,
    path: str | Path,
    progress: Progress,
    load: Callable[[], SearchData] | None,
    teacher: TeacherFile | None,
    *,
    repair: bool,
) -> Study:
    folder = StudyFolder(path, "--dir" if config.plan is None else "--output")
    folder.check()
    data = None if load is None else load()
    if folder.has_study and (complete := results_if_complete(config, folder, progress, data, repair=repair)):
        return complete
    check_can_export({device.format for device in config.search.devices})
    with closing(open_places(config)) as places:
        _check_energy(config, places.slots)
        space, data = _space_and_images(config, data, progress)
        with folder.locked(config.search.storage, config.name) as lock:
            found = check_images(data, folder.path / IMAGES, progress.note)
            keep_teacher(folder.path, config.train, teacher)
            with closing(open_store(config, folder, data, space, lock)) as store:
                notes = [f"note: {remark}" for remark in [*data.remarks(), *found]]
                opening = opening_lines(config, folder.path, data, space, places.text())
                for line in [*opening, *notes, *_resuming(config, folder, store)]:
                    progress.note(line)
                del data  # frees its memory for the workers, which load their own copy
                again = _trials_to_repair(folder, store, progress, repair=repair)
                _search(config, folder, store, places, progress, again)
            quantise_front(open_study(folder.path), config.data, progress, lock)
    results = open_study(folder.path)
    write_outputs(results, progress)
    return results


def _resuming(config: StudyConfig, folder: StudyFolder, store: StudyStore) -> list[str]:
    """Return the line that says how far the study is; none for a new one."""
    if not store.records:
        return []
    what = "trial" if config.plan is None else "training"
    done = f"{plural(store.num_ended, what)} done, {len(store.interrupted)} interrupted"
    return [f"resuming: {done}; configuration as in {folder.path / CONFIG}"]


def _space_and_images(
    config: StudyConfig, data: SearchData | None, progress: Progress
) -> tuple[SearchSpace, SearchData]:
    """Return the search space and the images.

    An infeasible space is refused before the images are loaded, if their format is known by their name.
    """
    known, space = known_format(config.data), None
    if data is None and known is not None:
        space = _feasible_space(config, *known)
    if data is None:
        with said_if_long(progress, f"loading the images of {config.data.source}"):
            data = load_search_data(config.data)
    found = (data.image_size, data.in_channels, data.num_classes)
    if space is None or found != known:
        space = _feasible_space(config, *found)
    return space, data


def _feasible_space(
    config: StudyConfig, image_size: tuple[int, int], in_channels: int, num_classes: int
) -> SearchSpace:
    space = config.search_space(in_channels=in_channels, num_classes=num_classes, image_size=image_size)
    try:
        space.check_feasible()
    except InvalidInputError as error:
        if config.target is None or not space.has_limits:
            raise
        hint = " or use smaller images" if "sram" in str(error) else ""
        raise InvalidInputError(
            f"{error}; the target {config.target.name} has at most {limits_text(config.target)}: choose another one"
            f"{hint}"
        ) from None
    return space


def _trials_to_repair(
    folder: StudyFolder, store: StudyStore, progress: Progress, *, repair: bool
) -> list[int]:
    """Return the trials to train again for their lost weights; without ``repair``, only report them."""
    lost = lost_weights(folder.path, store.records.values())
    if not repair:
        note_lost(lost, folder.path, progress)
        return []
    for one in lost:
        progress.note(f"warning: trial {one.trial}: {one.reason}")
    return [one.trial for one in lost]


def _measured(config: StudyConfig) -> tuple[str, ...]:
    """Return the names of the costs that have to be measured: costs, limited ones, and those of a plan."""
    asked = {*config.search.costs, *config.search.measured_limits}
    if config.plan is not None:
        asked.add("latency_ms")
    if config.search.devices:
        asked.discard("latency_ms")  # of the user's device
    return tuple(name for name, kind in COSTS.items() if kind.is_measured and name in asked)


def _check_energy(config: StudyConfig, slots: list[Slot]) -> None:
    """Refuse a study of energy on CPUs before anything is made; of GPUs, workers find out."""
    if "energy_j" in _measured(config) and any(slot.gpu is None for slot in slots):
        raise InvalidInputError(no_energy("a CPU"))


def _search(
    config: StudyConfig,
    folder: StudyFolder,
    store: StudyStore,
    places: Places,
    progress: Progress,
    again: list[int],
) -> None:
    """Train the trials ``again`` for their weights, then run the driver; end all workers."""
    earlier = read_earlier(folder.path)
    folder.clean_up(store.records.values())
    num_open = len(store.interrupted) if config.plan else config.search.trials - store.num_ended
    most = max(1, len(again), num_open + len(store.missing(config)))
    fingerprint = store.header.data["fingerprint"]
    setup = _setup(config, folder)
    places.pack(store.space, setup, folder, progress.note)
    executor = places.make_executor(most, setup, folder, fingerprint)
    if config.search.devices:
        executor = measured_on_devices(executor, config, folder, store)
    num_workers = min(most, len(places.slots))
    progress.note(f"starting {plural(num_workers, 'worker')}, each loads PyTorch and the images")
    clock = Clock(store.ledger.clock_s())
    try:
        components = compose(config, store, executor, earlier=earlier)
        with held_back() as let_through:
            Retraining(config, store, executor, progress, let_through).run(again)
        clock = Clock(store.ledger.clock_s())  # the time of retraining does not count
        _drive(
            components,
            store,
            folder,
            progress,
            clock,
            Activity(clock.elapsed_s(), num_workers, rungs_of(config)),
        )
    except (KeyboardInterrupt, SystemExit):
        store.wait.limit_s = 0.0  # an interrupted search does not wait for other programs
        with suppress(MgnasError):  # a second signal may interrupt a write
            store.ledger.write_event("interrupt", clock.elapsed_s())
        raise
    finally:
        executor.close()
    folder.remove_partial_files()  # of workers that died in this run


def _setup(config: StudyConfig, folder: StudyFolder) -> Setup:
    measured, teacher = _measured(config), teacher_path(folder.path, config.train)
    return Setup(
        config.data,
        config.execution,
        str(folder.calibration.absolute()),
        tuple(str((folder.path / PLUGINS / Path(name).name).absolute()) for name in config.plugins),
        measured=measured,
        measures_batches=config.plan is not None,
        limits={name: limit for name, limit in config.search.measured_limits.items() if name in measured},
        measures_int8=config.search.metric == "int8_accuracy",
        teacher=None if teacher is None else str(teacher.absolute()),
    )


def _drive(
    components: Components,
    store: StudyStore,
    folder: StudyFolder,
    progress: Progress,
    clock: Clock,
    activity: Activity,
) -> None:
    """Run the driver; record the beginning and the regular end of this run."""
    run = {"workers": activity.workers, "rungs": list(activity.rungs), **budgets(components.config)}
    store.ledger.write_event("begin", clock.elapsed_s(), **run)
    events = EventLog(folder.logs)
    with held_back() as let_through, logged_to(folder.logs / "search.log"), logged_run(events, run):
        store.wait.tell, store.wait.between = progress.note, let_through
        Driver(
            components,
            progress,
            clock,
            activity=activity,
            let_signals_through=let_through,
            event_log=events,
        ).run()
    with suppress(StorageFullError):  # the last trial is recorded; only this event has no room
        store.ledger.write_event("end", clock.elapsed_s())
