"""Tables of retrained arms."""

from __future__ import annotations

from kit.ablation.retrain import Retrained
from kit.ablation.retrained_splits import RetrainedArm
from kit.reports.comparison import Appendix
from kit.reports.split_metrics import arm_lines, mean_and_sd
from kit.reports.table import NOTHING, Table


def exact_table(figure: str, arms: list[RetrainedArm]) -> Table:
    """Build the table with every digit, one value per cell."""
    splits = ("train", "validation", "test")
    columns = ("arm", "n", f"ablation_{figure}", *(f"{split}_{part}" for split in splits for part in ("mean", "sd")))
    rows = tuple(
        (
            arm.name,
            str(arm.n),
            repr(arm.before),
            *(
                "" if value is None else repr(value)
                for figure in (arm.train, arm.validation, arm.test)
                for value in (figure and figure.mean, figure and figure.sd)
            ),
            arm.apart,
        )
        for arm in arms
    )
    return Table("", (*columns, "apart"), rows)


def retrained_table(retrained: Retrained, arms: list[RetrainedArm]) -> Table:
    """Tabulate the arms; mark test accuracies more than a point from train's, validation's or both."""
    counts = retrained.dataset.manifest
    columns = tuple(f"{split}\nn = {counts.records(split):,}" for split in ("train", "validation", "test"))
    rows = tuple(
        (
            arm_lines(arm.name),
            str(arm.n),
            f"{arm.before:.4f}",
            *(NOTHING if value is None else mean_and_sd(value, 4) for value in (arm.train, arm.validation, arm.test)),
            arm.apart or NOTHING,
        )
        for arm in arms
    )
    metric = arms[0].metric if arms else "accuracy"
    title = (
        f"trained again on {retrained.dataset.manifest.name}: {metric}, the best on test first"
        f"{'; apart: train, validation or both differ from test by more than a point' if metric == 'accuracy' else ''}"
    )
    return Table(title, ("arm", "runs", "ablation", *columns, "apart"), rows)


def retrained_appendix(retrained: Retrained, arms: list[RetrainedArm]) -> Appendix:
    """Build the table of retrained arms to add to a comparison."""
    shown, exact = retrained_table(retrained, arms), exact_table(retrained.figure, arms)
    return Appendix(name="retrained", heading="Trained again", shown=shown, exact=exact)
