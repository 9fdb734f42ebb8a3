"""Every shape that kilopair passes around: records, the recipe, errors. Imports nothing of ours."""
