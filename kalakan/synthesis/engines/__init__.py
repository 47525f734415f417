"""The acoustic and vocoder stages, with onnxruntime or with torch, and how they are built."""
