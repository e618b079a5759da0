"""A search from its configuration to its results: what ``mgnas search`` does, as one function."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from results.forecast import Activity
from results.plots.axes import plural
from results.storage.errors import StorageFullError
from results.storage.objectives import COSTS
from results.storage.records import DataFacts, StudyHeader
from results.study import CONFIG, StudyResults, open_study
from search.executors.local import LocalExecutor
from search.executors.messages import Setup
from search.executors.slots import Slot, check_compiler, check_threads, find_slots
from search.samplers.make import sampler_of
from search.study.components import make_scheduler, rungs_of
from search.study.config import StudyConfig, budgets, first_difference
from search.study.driver import Clock, Driver
from search.study.environment import environment, environment_json
from search.study.folder import ENVIRONMENT, IMAGES, PLUGINS, StudyFolder
from search.study.log import logged_to
from search.study.objectives import header_ranges, no_energy
from search.study.opening import opening_lines
from search.study.outputs import output_names, outputs_are_fresh, write_outputs
from search.study.plan import check_recorded, plan_ranges
from search.study.progress import Progress, Silent, said_if_long
from search.study.retraining import Retraining, lost_of_front, lost_weights, note_lost
from search.study.signals import held_back
from search.study.store import StudyStore
from search.study.warm_start import EARLIER, earlier_trials, read_earlier, write_earlier
from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError, MgnasError
from space.networks.plugins import plugin_digest
from space.search_space import SearchSpace
from trainers.data.image_checks import check_images
from trainers.data.splits import SearchData, load_search_data, other_names


def run_study(
    config: StudyConfig,
    path: str | Path,
    progress: Progress | None = None,
    load: Callable[[], SearchData] | None = None,
    *,
    repair: bool = False,
) -> StudyResults:
    """Search until the budgets of ``config`` are spent, from where the study in ``path`` stands.

    Where ``config`` has a plan, its networks are trained instead. A study that is complete is returned at
    once. The folder is made if it does not exist, and afterwards also holds ``trials.csv``, ``front.csv`` and
    ``report.html``. ``load`` returns the images where they are loaded already. With ``repair``, networks
    whose kept weights are missing or damaged are trained again first.

    Raises:
        InvalidInputError: the folder holds something else, another study, or a damaged one; bad data, or
            more threads than cores.
        SearchError: the search cannot go on. What was found is recorded.
        StorageFullError: the disk is full. What was found is recorded.
    """
    folder = StudyFolder(path, "--dir" if config.plan is None else "--output")
    folder.check()
    progress = progress or Silent()
    data = None if load is None else load()
    if folder.has_study and (finished := _if_complete(config, folder, progress, data, repair=repair)):
        return finished
    slots = _slots(config)
    check_threads(config.execution.threads, slots)
    check_compiler(config.execution.compile, slots)
    _check_energy(config, slots)
    if data is None:
        with said_if_long(progress, f"loading the images of {config.data.source}"):
            data = load_search_data(config.data)
    space = config.search_space(
        in_channels=data.in_channels, num_classes=data.num_classes, image_size=data.image_size
    )
    space.check_feasible()
    with folder.locked():
        found = check_images(data, folder.path / IMAGES, progress.note)
        with closing(_open_store(config, folder, data, space)) as store:
            notes = [f"note: {remark}" for remark in [*data.remarks(), *found]]
            for line in [*opening_lines(config, folder.path, data, space, slots), *notes]:
                progress.note(line)
            if store.records:
                what = "trial" if config.plan is None else "training"
                done = f"{plural(store.num_ended, what)} done, {len(store.interrupted)} interrupted"
                progress.note(f"going on: {done}; configuration as in {folder.path / CONFIG}")
            del data  # its memory is for the workers, which have their own
            lost = lost_weights(folder.path, store.records.values())
            if not repair:
                note_lost(lost, folder.path, progress)
            for one in lost if repair else ():
                progress.note(f"warning: trial {one.trial}: {one.reason}")
            again = [one.trial for one in lost if repair]
            _search(config, folder, store, space, slots, progress, again)
    return write_outputs(folder.path, progress)


def _slots(config: StudyConfig) -> list[Slot]:
    """Return the slots of a study; for a plan no more than trainings, which share the cores."""
    if config.plan is None:
        return find_slots(config.search.device, config.search.workers)
    num_jobs, threads = len(config.trainings), config.execution.threads
    return find_slots(config.search.device, config.search.workers, num_jobs, threads)


def _measured(config: StudyConfig) -> tuple[str, ...]:
    """Return the names of the costs that have to be measured: costs, limited ones, and those of a plan."""
    asked = {*config.search.costs, *config.search.measured_limits}
    if config.plan is not None:
        asked.add("latency_ms")
    return tuple(name for name, kind in COSTS.items() if kind.is_measured and name in asked)


def _check_energy(config: StudyConfig, slots: list[Slot]) -> None:
    """Refuse a study of energy on CPUs before anything is made; of GPUs, workers find out."""
    if "energy_j" in _measured(config) and any(slot.gpu is None for slot in slots):
        raise InvalidInputError(no_energy("a CPU"))


def _if_complete(
    config: StudyConfig,
    folder: StudyFolder,
    progress: Progress,
    data: SearchData | None,
    *,
    repair: bool,
) -> StudyResults | None:
    """Return the results of a study that has nothing left to do, without loading data or torch.

    Images that are loaded (``data``), or come from elsewhere, have to be the same all the same.
    """
    results = open_study(folder.path)
    folder.check_plugins(results.header, config)
    recorded = folder.recorded_config()
    _check_same(folder, recorded, config)
    if config.plan is not None:
        check_recorded(folder.path, results.records, results.reports)
    if data is not None:
        _check_images(folder, results.header, config, data)
    results.header = _with_budget(results.header, config)
    if results.spent is None or results.untrained(config.references):
        return None
    if data is None and recorded.data.source != config.data.source:
        _check_images(folder, results.header, config, load_search_data(config.data))
    if repair and lost_weights(folder.path, [*results.records, *results.references]):
        return None
    note_lost(lost_of_front(results), folder.path, progress)
    if outputs_are_fresh(folder.path, output_names(results)):
        return results
    with folder.locked():
        written = write_outputs(folder.path, progress)
    written.header = (
        results.header
    )  # complete by the budget asked for, which may be less than the recorded one
    return written


def _with_budget(header: StudyHeader, config: StudyConfig) -> StudyHeader:
    """Return the header with the budgets now asked for."""
    search = config.search
    return replace(
        header,
        trials=search.trials,
        hours=search.hours,
        epochs=search.epochs,
        patience=search.patience,
        plan=config.trainings,
    )


def _check_same(folder: StudyFolder, recorded: StudyConfig, asked: StudyConfig) -> None:
    if difference := first_difference(recorded, asked):
        raise InvalidInputError(
            f"{folder.path} holds a study with {difference} is asked for; "
            f"choose another folder ({folder.option}), or ask for the same again"
        )


def _check_images(folder: StudyFolder, header: StudyHeader, asked: StudyConfig, data: SearchData) -> None:
    if header.data["fingerprint"] != data.fingerprint():
        raise InvalidInputError(
            f"{folder.path} holds a study of other images than {asked.data.source} holds now; "
            f"choose another folder ({folder.option}), or tell where the same images are (--data)"
        )
    if (classes := list(data.classes)) != (before := header.data.get("classes", classes)):
        raise InvalidInputError(
            f"{folder.path} holds a study with {other_names(before, classes)} in {asked.data.source}; "
            f"choose another folder ({folder.option}), or bring the names of before"
        )


def _open_store(config: StudyConfig, folder: StudyFolder, data: SearchData, space: SearchSpace) -> StudyStore:
    facts = TypeAdapter(DataFacts).validate_python(data.describe())
    if not folder.has_study:
        (folder.path / EARLIER).unlink(missing_ok=True)
        if config.search.warm_start is not None:
            write_earlier(folder.path, earlier_trials(config.search.warm_start))
        config = folder.write_config(config)
        params_range, cost_ranges = _ranges(config, space)
        header = StudyHeader(
            name=config.name,
            config=config.model_dump(mode="json"),
            space_hash=space.hash,
            data=facts,
            params_range=params_range,
            cost_ranges=cost_ranges,
            trials=config.search.trials,
            hours=config.search.hours,
            epochs=config.search.epochs,
            patience=config.search.patience,
            environment=environment(),
            plugins={Path(plugin).name: plugin_digest(folder.path / plugin) for plugin in config.plugins},
            plan=config.trainings,
        )
        write_atomic(folder.path / ENVIRONMENT, environment_json(header, config))
        return StudyStore.create(folder.path, header, space)
    results = open_study(folder.path)
    header = results.header
    folder.check_plugins(header, config)
    recorded = folder.recorded_config()
    _check_same(folder, recorded, config)
    config = config.model_copy(update={"name": recorded.name})
    if all(record.state == "running" for record in (*results.records, *results.references)):
        header = replace(header, data=facts)  # nothing rests on the images of before, which may be mended now
    _check_images(folder, header, config, data)
    if header.space_hash != space.hash:
        raise InvalidInputError(
            f"{folder.path} was searched in another space (now {space.hash}, recorded {header.space_hash}); "
            "search in another folder (--dir)"
        )
    store = StudyStore.open(folder.path, recorded.name, space)
    config = folder.write_config(config)
    header = replace(_with_budget(header, config), config=config.model_dump(mode="json"))
    if config.plan is not None:  # it may name more networks than before
        params_range, cost_ranges = _ranges(config, space)
        header = replace(header, params_range=params_range, cost_ranges=cost_ranges)
    store.write_header(header)
    return store


def _ranges(
    config: StudyConfig, space: SearchSpace
) -> tuple[tuple[int, int], dict[str, tuple[float, float] | None]]:
    """Return ``params_range`` and ``cost_ranges`` of the networks of the space or the plan."""
    if config.plan is not None:
        return plan_ranges(config, space)
    return space.params_range(), header_ranges(config.search.costs, space)


def _search(
    config: StudyConfig,
    folder: StudyFolder,
    store: StudyStore,
    space: SearchSpace,
    slots: list[Slot],
    progress: Progress,
    again: list[int],
) -> None:
    """Train the trials ``again`` for their weights, then run the driver; leave no process behind."""
    clock = Clock(store.ledger.clock_s())
    sampler = sampler_of(config, space, read_earlier(folder.path))
    for record in store.records.values():
        sampler.restore(record, store.curves.get(record.number, ()))
    named = store.missing(config)
    scheduler = make_scheduler(config, store, sampler.policy, named)
    folder.clean_up(store.records.values())
    num_open = len(store.interrupted) if config.plan else config.search.trials - store.num_ended
    slots = slots[: max(1, len(again), num_open + len(named))]
    plugins = tuple(str((folder.path / PLUGINS / Path(name).name).absolute()) for name in config.plugins)
    setup = Setup(
        config.data,
        config.execution,
        str(folder.calibration.absolute()),
        plugins,
        measured=_measured(config),
        measures_batches=config.plan is not None,
        limits=config.search.measured_limits,
    )
    executor = LocalExecutor(slots, setup, folder.logs)
    progress.note(f"starting {plural(len(slots), 'worker')}, each loads PyTorch and the images")
    try:
        with held_back() as let_through:
            Retraining(config, store, executor, progress, let_through).run(again)
        clock = Clock(store.ledger.clock_s())
        rungs = rungs_of(config)
        activity = Activity(clock.elapsed_s(), len(slots), rungs)
        store.ledger.write_event(
            "begin", clock.elapsed_s(), workers=len(slots), rungs=list(rungs), **budgets(config)
        )
        with held_back() as let_through, logged_to(folder.logs / "search.log"):
            store.lock_wait.tell, store.lock_wait.between = progress.note, let_through
            Driver(
                config,
                store,
                sampler,
                scheduler,
                executor,
                progress,
                clock,
                activity=activity,
                let_signals_through=let_through,
            ).run()
        with suppress(StorageFullError):  # the last trial is recorded; only this note has no room
            store.ledger.write_event("end", clock.elapsed_s())
    except (KeyboardInterrupt, SystemExit):
        store.lock_wait.limit_s = 0.0  # whoever stops a search does not wait for other programs
        with suppress(MgnasError):  # after a second signal, in the middle of something
            store.ledger.write_event("interrupt", clock.elapsed_s())
        raise
    finally:
        executor.close()
