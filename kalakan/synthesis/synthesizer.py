"""`Synthesizer`: text in, audio out. It composes a frontend, an engine and the audio writer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kalakan.audio.files import AudioFile, write_audio
from kalakan.errors import SynthesisError, TextError
from kalakan.synthesis.batching import speak_all, speak_stream
from kalakan.synthesis.controls import Controls, speaker_row
from kalakan.synthesis.frontend import Frontend, Reader
from kalakan.synthesis.sources import Request, build_engine
from kalakan.text.twi_g2p import TwiG2P
from kalakan.utils.config import Config
from kalakan.voices.manifest import VoiceManifest

Audio = Any
"""Audio [S], float32 in [-1, 1]: a numpy array from the onnx engine, a CPU tensor from the torch engine."""


class Synthesizer:
    """Speaks Twi. `Synthesizer()` uses the voice that comes with the package, on the CPU, without torch.

    One instance may serve many threads.
    """

    def __init__(
        self,
        voice: str | os.PathLike[str] | None = None,
        *,
        acoustic_model: Any = None,
        vocoder: Any = None,
        acoustic_model_type: str | None = None,
        vocoder_type: str | None = None,
        device: str = "cpu",
        config: Config | Mapping[str, Any] | str | Path | None = None,
        engine: str = "auto",
        speaker: str | None = None,
        lexicon: Mapping[str, str] | str | Path | None = None,
    ) -> None:
        """Loads the models.

        Args:
            voice: Voice folder.
            acoustic_model: Instead of a voice: a `.pt` file, an `.onnx` file, a voice folder, or a torch module.
            vocoder: The same for the vocoder; by default the voice's, or Griffin-Lim.
            acoustic_model_type: Name of a registered type. Without weights of that type in the voice an untrained
                model is built, with an `UntrainedModelWarning`.
            vocoder_type: The same for the vocoder.
            device: Torch device; the onnx engine has only "cpu".
            config: Settings; the section `inference` acts here. With the torch engine `inference.threads`, where it is
                given, sets torch's threads for the whole process.
            engine: "onnx", "torch", or "auto": torch for another device than the CPU, for `.pt` files, modules and
                types, else onnx.
            speaker: Who speaks when a call does not say; by default the voice's first speaker.
            lexicon: Readings of words, as for `TwiG2P`.

        Raises:
            ConfigError: Arguments or settings contradict each other or do not exist.
            VoiceError: A voice or file is missing or damaged.
            SynthesisError: The voice does not have `speaker`.
            MissingDependencyError: The torch engine is needed and torch is not installed.
        """
        config = Config(config)
        settings = config.settings()
        request = Request(
            voice,
            acoustic_model,
            vocoder,
            acoustic_model_type,
            vocoder_type,
            str(device),
            engine,
            config.get("inference.threads"),
        )
        self._engine, self._manifest = build_engine(request, settings, tuple(config))
        self._config = settings.inference
        self._frontend = Frontend(TwiG2P(lexicon=lexicon), settings.inference.max_characters)
        self._speaker = speaker_row(speaker, self.speakers)

    def synthesize(
        self,
        text: str,
        *,
        speaker: str | None = None,
        speed: float = 1.0,
        pitch: float = 0.0,
        energy: float = 1.0,
    ) -> Audio:
        """Audio [S] of a text of any length, at `sample_rate`; the same text gives the same samples.

        `speed` is a factor (0.5 to 2), `pitch` a shift in semitones (-12 to 12), `energy` a factor of the amplitude
        (0.25 to 4). A text that would clip is turned down as a whole. Raises `TextError` if nothing in the text can
        be spoken, `SynthesisError` for an unknown speaker or a value out of range.
        """
        pieces = self.iter_pieces(text, speaker=speaker, speed=speed, pitch=pitch, energy=energy)
        return self._engine.join(list(pieces))

    def synthesize_batch(
        self,
        texts: Sequence[str],
        batch_size: int | None = None,
        *,
        speaker: str | None = None,
        speed: float = 1.0,
        pitch: float = 0.0,
        energy: float = 1.0,
    ) -> list[Audio]:
        """Audio [S_i] of each text, as `synthesize` gives it, in the order of the texts.

        On a GPU up to `batch_size` sentences (default: `inference.batch_size`) go through the acoustic model together;
        on a CPU they go one after the other, which is faster there, and equal `synthesize` to the bit.
        Raises as `synthesize`; a `TextError` says which text it is about.
        """
        size = self._config.batch_size if batch_size is None else batch_size
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise SynthesisError(f"batch_size is {size!r}; it must be a whole number of at least 1")
        controls = self._controls(speaker, speed, pitch, energy)
        groups = [self._sequences_of(index, text) for index, text in enumerate(texts)]
        pieces = iter(speak_all(self._engine, [ids for group in groups for ids in group], controls, size))
        return [self._engine.join([next(pieces) for _ in group]) for group in groups]

    def iter_pieces(
        self,
        text: str,
        *,
        speaker: str | None = None,
        speed: float = 1.0,
        pitch: float = 0.0,
        energy: float = 1.0,
    ) -> Iterator[Audio]:
        """Audio [S_i] of each sentence in turn, with bounded memory for a text of any length.

        The pieces follow each other without a gap: each ends with the pause of its own mark. They may exceed
        [-1, 1]: loudness is for whoever joins them to settle, once for the whole text. Arguments and errors as for
        `synthesize`; a `TextError` comes when the iteration has found nothing to speak.
        """
        controls = self._controls(speaker, speed, pitch, energy)
        return speak_stream(self._engine, self._frontend.sequences(text), controls, self._config.batch_size)

    def save_audio(self, audio: Audio, file: AudioFile, format: str | None = None) -> None:
        """Writes audio [S] to a path, by its suffix, or to a binary file object, by default as WAV."""
        write_audio(file, audio, self.sample_rate, format)

    @property
    def g2p(self) -> Reader:
        """What reads text as phoneme ids; may be replaced."""
        return self._frontend.reader

    @g2p.setter
    def g2p(self, reader: Reader) -> None:
        self._frontend.reader = reader

    @property
    def acoustic_model(self) -> Any:
        """Phonemes to mel: `inference(phonemes)`; with the torch engine a module that may be moved or replaced."""
        return self._engine.acoustic_model

    @acoustic_model.setter
    def acoustic_model(self, model: Any) -> None:
        self._engine.acoustic_model = model

    @property
    def vocoder(self) -> Any:
        """Mel to audio: `inference(mel)`, `sample_rate`; with the torch engine a module that may be replaced."""
        return self._engine.vocoder

    @vocoder.setter
    def vocoder(self, model: Any) -> None:
        self._engine.vocoder = model

    @property
    def sample_rate(self) -> int:
        """Samples a second of the audio."""
        return int(self._engine.vocoder.sample_rate)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names to choose a speaker from."""
        return self._engine.speakers

    @property
    def engine(self) -> str:
        """ "onnx" or "torch"."""
        return self._engine.name

    @property
    def voice(self) -> VoiceManifest | None:
        """What the voice says about itself; None for bare model files."""
        return self._manifest

    def _controls(self, speaker: str | None, speed: float, pitch: float, energy: float) -> Controls:
        row = self._speaker if speaker is None else speaker_row(speaker, self.speakers)
        return Controls(row, speed, pitch, energy)

    def _sequences_of(self, index: int, text: str) -> list[list[int]]:
        try:
            return list(self._frontend.sequences(text))
        except TextError as error:
            raise TextError(f"text {index}: {error}") from error
