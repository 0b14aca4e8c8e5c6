"""What the function takes, measured beside what it rests on: `make bench`.

The reference of a row is the least that could do the same job under the same server (`references/`), run in turns with
the function on the same core. Ratios travel between machines, milliseconds do not.
"""
