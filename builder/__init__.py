"""Documents to dataset: read, chunk, validate, dedup, select, split, export, report; the pipeline and the CLI live here."""
