"""What a model's answers to held-out questions are worth: who is asked and how, the metrics, the tables, the declared comparisons."""
