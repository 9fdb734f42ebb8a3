"""The extractive generator: what documents say, turned into drafts by rules, with no model and no network."""
