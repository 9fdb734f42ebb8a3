"""Was it the data? The same base trained on the curated pairs and on rivals of the same size, all asked the same questions."""
