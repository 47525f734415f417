"""`python -m kalakan`: the program `kalakan`."""

from kalakan.cli.start import kalakan

kalakan()
