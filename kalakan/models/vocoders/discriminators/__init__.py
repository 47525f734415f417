"""Networks that tell recordings from a vocoder's output, for adversarial training. They are not part of a voice."""
