"""How upsampling vocoders run on a GPU: channels last, packed weights, CUDA graphs, ragged batches."""
