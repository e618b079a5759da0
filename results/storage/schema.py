"""The tables of the ledger."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

VERSION = 2
"""The version of these tables; other versions are not read."""


class PlainText(sa.TypeDecorator[str]):
    """Text that every database accepts: NUL characters and lone surrogates are written as escapes."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """Return the text that is stored."""
        if value is None:
            return None
        return value.replace("\0", "\\x00").encode(errors="backslashreplace").decode()


metadata = sa.MetaData()
headers = sa.Table(
    "mgnas_studies",
    metadata,
    sa.Column("study", sa.String(255), primary_key=True),
    sa.Column("schema_version", sa.Integer, nullable=False),
    sa.Column("header", sa.JSON, nullable=False),
)
trials = sa.Table(
    "mgnas_trials",
    metadata,
    sa.Column("study", sa.String(255), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("arch", sa.String(12), nullable=False, index=True),
    sa.Column("notation", PlainText, nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("hyperparameters", sa.JSON, nullable=False),
    sa.Column("params", sa.BigInteger, nullable=False),
    sa.Column("macs", sa.BigInteger, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("max_epochs", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("epochs", sa.Integer, nullable=False),
    sa.Column("val_accuracy", sa.Float(53)),
    sa.Column("reason", PlainText),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("losses", sa.Integer, nullable=False),
    sa.Column("started_s", sa.Float(53), nullable=False),
    sa.Column("finished_s", sa.Float(53)),
    sa.Column("train_s", sa.Float(53), nullable=False),
    sa.Column("weights", PlainText),
    sa.Column("reference", PlainText),
    sa.Column("training", sa.JSON, nullable=False),
    sa.Column("network_costs", sa.JSON, nullable=False),
    sa.Column("training_costs", sa.JSON, nullable=False),
    sa.Column("sampler_attrs", sa.JSON, nullable=False),
    sa.Column("class_accuracies", sa.JSON, nullable=False),
    sa.Column("float_accuracy", sa.Float(53)),
    sa.Column("int8_accuracy", sa.Float(53)),
)
reports = sa.Table(
    "mgnas_reports",
    metadata,
    sa.Column("study", sa.String(255), primary_key=True),
    sa.Column("trial", sa.Integer, primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True),
    sa.Column("train_loss", sa.Float(53), nullable=False),
    sa.Column("val_loss", sa.Float(53), nullable=False),
    sa.Column("val_accuracy", sa.Float(53), nullable=False),
    sa.Column("seconds", sa.Float(53), nullable=False),
    sa.Column("clock_s", sa.Float(53), nullable=False),
)
events = sa.Table(
    "mgnas_events",
    metadata,
    sa.Column(
        "seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    sa.Column("study", sa.String(255), nullable=False, index=True),
    sa.Column("clock_s", sa.Float(53), nullable=False),
    sa.Column("unix_time", sa.Float(53), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("trial", sa.Integer),
    sa.Column("detail", sa.JSON),
)
held_out = sa.Table(
    "mgnas_held_out",
    metadata,
    sa.Column("study", sa.String(255), primary_key=True),
    sa.Column("trial", sa.Integer, primary_key=True),
    sa.Column("loss", sa.Float(53), nullable=False),
    sa.Column("predictions", sa.LargeBinary, nullable=False),
    sa.Column("confidences", sa.LargeBinary, nullable=False),
)
ledger_tables = (headers, trials, reports, events, held_out)
"""The tables of the ledger; a study has its rows in each of them."""
leases = sa.Table(
    "mgnas_leases",
    sa.MetaData(),
    sa.Column("study", sa.String(255), primary_key=True),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("writes", sa.BigInteger, nullable=False),
    sa.Column("holder", sa.String(32), nullable=False),
    sa.Column("host", PlainText, nullable=False),
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("machine", PlainText, nullable=False),
    sa.Column("since_s", sa.Float(53), nullable=False),
    sa.Column("expires_s", sa.Float(53), nullable=False),
)
"""The leases of drivers, in PostgreSQL only; ``results.storage.lease`` explains them."""
