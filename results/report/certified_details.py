"""The certified figures in the details of a network."""

from __future__ import annotations

from results.certification.records import CertifiedNetwork, Estimate
from results.plots.chart import Chart
from results.plots.confusion_chart import confusion_chart
from results.report.class_table import class_table
from results.report.html import certified_export_command, chart, command, escape, percent_text
from results.study import StudyReader
from results.study_text import percents
from space.core.text import plural

_MOST_CONFUSIONS = 5


def certified_details(
    study: StudyReader, network: CertifiedNetwork, owner: str, charts: dict[str, Chart]
) -> str:
    """Return the certified figures of a network, and add its confusion matrix to ``charts``.

    Args:
        study: A study with a certification.
        network: The network.
        owner: The name of the details.
        charts: The charts of the page by name.
    """
    certification = study.certification
    assert certification is not None
    name = f"confusion-{owner}"
    charts[name] = confusion_chart(certification.classes, network.confusion)
    matrix = chart(name, "confusion matrix", _confusions(certification.classes, network), charts[name])
    return (
        f"{command(certified_export_command(study.folder, network))}"
        f"<h3>Certified figures</h3><table><tbody>{_rows(network)}</tbody></table>"
        f"{class_table(certification.classes, network.class_accuracies)}"
        f"<h3>Confusion matrix</h3>{matrix}"
    )


def estimate_text(estimate: Estimate) -> str:
    """Return the mean with the standard deviation over seeds, if there is one."""
    mean = percent_text(estimate.mean)
    return mean if estimate.deviation is None else f"{mean} ± {100 * estimate.deviation:.2f}"


def _rows(network: CertifiedNetwork) -> str:
    seeds = plural(network.test.count, "seed")
    rows = {
        f"test accuracy, {seeds}": estimate_text(network.test),
        "95 % interval": percents((network.test.low, network.test.high)),
        "accuracy of each seed": ", ".join(f"{100 * value:.2f}" for value in network.test_accuracies),
        "validation accuracy": estimate_text(network.val),
        "calibration error (ECE)": f"{100 * network.calibration_error:.1f}\u00a0%",
    }
    if network.front_probability is not None:
        rows["probability to be on the true front"] = f"{network.front_probability:.2f}"
    if network.search_accuracy is not None and network.gap is not None:
        rows["accuracy that the search reported"] = percent_text(network.search_accuracy)
        rows["search minus test"] = f"{100 * network.gap:+.2f} points"
    return "".join(
        f'<tr><th scope="row">{label}</th><td>{escape(text)}</td></tr>' for label, text in rows.items()
    )


def _confusions(classes: tuple[str, ...], network: CertifiedNetwork) -> str:
    """Return the most frequent errors in words."""
    errors = [
        (count, classes[true], classes[predicted], sum(row))
        for true, row in enumerate(network.confusion)
        for predicted, count in enumerate(row)
        if true != predicted and count
    ]
    if not errors:
        return "No test image is misclassified."
    most = sorted(errors, key=lambda error: -error[0])[:_MOST_CONFUSIONS]
    texts = [
        f"{escape(true)} as {escape(predicted)} ({count} of {total})"
        for count, true, predicted, total in most
    ]
    return f"Rows are true classes; the sum over the seeds. The most frequent errors: {', '.join(texts)}."
