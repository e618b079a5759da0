"""The tables of the ledger."""

from __future__ import annotations

import sqlalchemy as sa

VERSION = 1
"""The version of these tables; other versions are not read."""

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
    sa.Column("notation", sa.Text, nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("hyperparameters", sa.JSON, nullable=False),
    sa.Column("params", sa.BigInteger, nullable=False),
    sa.Column("macs", sa.BigInteger, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("max_epochs", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("epochs", sa.Integer, nullable=False),
    sa.Column("val_accuracy", sa.Float(53)),
    sa.Column("reason", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("losses", sa.Integer, nullable=False),
    sa.Column("started_s", sa.Float(53), nullable=False),
    sa.Column("finished_s", sa.Float(53)),
    sa.Column("train_s", sa.Float(53), nullable=False),
    sa.Column("weights", sa.Text),
    sa.Column("reference", sa.Text),
    sa.Column("training", sa.JSON, nullable=False),
    sa.Column("network_costs", sa.JSON, nullable=False),
    sa.Column("training_costs", sa.JSON, nullable=False),
    sa.Column("sampler_attrs", sa.JSON, nullable=False),
    sa.Column("class_accuracies", sa.JSON, nullable=False),
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
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("study", sa.String(255), nullable=False),
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
