"""What was found: the ledger's records, Pareto fronts, statistics, reports and exports."""
