"""More data where the model is weak: rounds of wordings for facts that it does not know, measured on questions that no round learns."""
