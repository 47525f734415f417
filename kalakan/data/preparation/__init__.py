"""Recordings and transcripts as people keep them, made into a corpus folder that can be trained on."""
