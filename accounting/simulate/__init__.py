"""A simulated company whose true answer is known: events, what meters see of them, and the judge.

`world` makes the events, `truth` integrates them without any of the accounting core, `sampler` and `files` write what a
real fleet would, and `verdict` holds what was published against the truth.
"""
