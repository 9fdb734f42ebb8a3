"""Charts as inline SVG: they need no library, scale, print, follow the page's colours, and carry their numbers as a table."""
