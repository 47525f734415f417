"""GPU inference of upsampling vocoders: channels last, packed weights, CUDA graphs, ragged batches."""
