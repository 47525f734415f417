"""Names of the recipes; imports nothing, so that a shell can complete them."""

from __future__ import annotations

DEFAULT_VOICE = "default_voice"
"""Trains all models from scratch; see `kalakan.recipes.voice_recipe`."""
MY_VOICE = "my_voice"
"""Fine-tunes a voice on a folder of recordings; see `kalakan.recipes.my_voice`."""
RECIPES = (DEFAULT_VOICE, MY_VOICE)
"""Every recipe."""
