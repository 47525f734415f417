//! STFT, mel spectrogram and Griffin-Lim on the CPU.
