"""A tuned model for other programs: saved whole or as an adapter, as GGUF, with a Modelfile, a card and the way to repeat the run."""
