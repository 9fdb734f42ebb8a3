"""`kilopair preview`: the pairs and the tokenizer of a run or of a file, and the page that shows what the model will see."""
