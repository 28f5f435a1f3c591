"""Pages that show results: one HTML file that holds all it needs and loads nothing.

`skeleton` is the frame and the look of every page, `plots` draws figures into it, `comparisons`
shows simulated values beside the twin and printed ones.
"""
