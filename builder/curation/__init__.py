"""What makes a set of pairs a good one: near copies found, answers checked, the best of them chosen and explained."""
