"""The report: everything that was measured, as one self-contained HTML file without scripts or outside links."""
