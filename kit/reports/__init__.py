"""Tables and pictures of datasets, runs and comparisons; each module brings in only what it draws with."""
