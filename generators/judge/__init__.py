"""The judge of pairs: a rubric, a model that gives points by it with the source before its eyes, and nothing that it retypes."""
