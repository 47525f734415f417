"""Where the time and the memory of a voice go: `kalakan profile`, `kalakan doctor --performance`."""
