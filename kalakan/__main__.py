"""`python -m kalakan`: the `kalakan` command-line program."""

from kalakan.cli.start import kalakan

kalakan()
