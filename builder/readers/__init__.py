"""One module per format, each a function from decoded text to canonical Markdown; `builder.read` chooses among them."""
