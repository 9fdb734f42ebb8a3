"""Dataset to model to numbers: templates, pretraining, supervised fine-tuning, evaluation. Imports only schemas."""
