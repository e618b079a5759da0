"""The ledger: records, tables, objectives, locks and errors of the database."""
