"""Discriminators of recordings and vocoder output, for adversarial training. They are not part of a voice."""
