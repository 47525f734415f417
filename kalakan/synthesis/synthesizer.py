"""`Synthesizer`: text in, audio out. It composes a frontend, an engine and the audio writer."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kalakan.audio.files import AudioFile, write_audio
from kalakan.audio.formats import Bits
from kalakan.config.resolve import resolve, without_models
from kalakan.errors import SynthesisError, TextError
from kalakan.synthesis.asynchronous import AsyncSynthesis
from kalakan.synthesis.controls import Controls, is_whole, speaker_row
from kalakan.synthesis.frontend import Breath, Frontend
from kalakan.synthesis.markup import read_markup, read_ssml
from kalakan.synthesis.markup.xml import located
from kalakan.synthesis.narration import Narrator, OnSentence
from kalakan.synthesis.passage import Reader
from kalakan.synthesis.script import Pause, Text, Units
from kalakan.synthesis.sources import Request, build_engine
from kalakan.synthesis.speech import Speech
from kalakan.synthesis.streaming import chunk_samples, in_chunks
from kalakan.text.twi_g2p import TwiG2P
from kalakan.utils.config import Config
from kalakan.voices.manifest import VoiceManifest

Audio = Any
"""Audio [S], float32 in [-1, 1]: a numpy array from the onnx engine, a CPU tensor from the torch engine."""


class Synthesizer(AsyncSynthesis):
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
            config: Settings; the sections `inference`, `acoustic` and `vocoder` act here, and `model`, which is of
                the acoustic model if it names that model's settings, else of the vocoder. Of a model with weights
                they may change only what needs no others (`kalakan.config.schema.SPEAKING_SETTINGS`, such as
                `noise_cut`). With the torch
                engine `inference.threads`, where it is given, sets torch's threads for the whole process.
            engine: "onnx", "torch", or "auto": torch for another device than the CPU, for `.pt` files, modules and
                types, else onnx.
            speaker: Who speaks when a call does not say; by default the voice's first speaker.
            lexicon: Readings of words, as for `TwiG2P`.

        Raises:
            ConfigError: Arguments or settings contradict each other, the weights, or do not exist.
            VoiceError: A voice or file is missing or damaged.
            SynthesisError: The voice does not have `speaker`.
            MissingDependencyError: The torch engine is needed and torch is not installed.
        """
        config = Config(config)
        overrides = config.to_dict()
        settings = resolve(without_models(overrides))
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
        self._engine, self._manifest = build_engine(request, settings, overrides)
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
        sentence_pause: float = 0.0,
        seed: int = 0,
        ssml: bool = False,
    ) -> Audio:
        """Audio [S] of a text of any length, at `sample_rate`; the same text and seed give the same samples.

        `speed` is a factor (0.5 to 2), `pitch` a shift in semitones (-12 to 12), `energy` a factor of the amplitude
        (0.25 to 4), `sentence_pause` silence in seconds (0 to 60) between two sentences, on top of the pause that the
        voice makes there, and `seed` chooses the noise of a vocoder that has some (0 to 2^32 - 1). `[en]…[/en]`
        and `[tw]…[/tw]` in the text say its language; with `ssml` the text is an SSML document
        (`kalakan.synthesis.markup`), whose settings multiply with those here, within their limits. What would clip is
        softened sample by sample (`kalakan.audio.loudness.soft_limit`). Raises `TextError` if nothing in the text can
        be spoken and for malformed SSML, `SynthesisError` for an unknown speaker or a value out of range.
        """
        controls = self._controls(speaker, speed, pitch, energy, sentence_pause, seed)
        pieces = list(self._narrator(controls).pieces(text, self._breaths(text, controls, ssml)))
        return self._engine.to_audio(np.concatenate(pieces))

    def speak(
        self,
        text: str,
        *,
        speaker: str | None = None,
        speed: float = 1.0,
        pitch: float = 0.0,
        energy: float = 1.0,
        sentence_pause: float = 0.0,
        seed: int = 0,
        ssml: bool = False,
    ) -> Speech:
        """The audio of `synthesize` with its timing: when each sentence, word, sound and pause is heard.

        Arguments and errors as for `synthesize`; `SynthesisError` also for an acoustic model without durations.
        """
        controls = self._controls(speaker, speed, pitch, energy, sentence_pause, seed)
        breaths = list(self._breaths(text, controls, ssml))
        return self._narrator(controls).speeches([text], [breaths])[0]

    def synthesize_batch(
        self,
        texts: Sequence[str],
        batch_size: int | None = None,
        *,
        speaker: str | None = None,
        speed: float = 1.0,
        pitch: float = 0.0,
        energy: float = 1.0,
        sentence_pause: float = 0.0,
        seed: int = 0,
        ssml: bool = False,
    ) -> list[Audio]:
        """Audio [S_i] of each text, as `synthesize` gives it, in the order of the texts.

        On a GPU up to `batch_size` sentences (default: `inference.batch_size`) go through the acoustic model together;
        on a CPU they go one after the other, which is faster there, and equal `synthesize` to the bit.
        Raises as `synthesize`; a `TextError` says which text it is about.
        """
        controls = self._controls(speaker, speed, pitch, energy, sentence_pause, seed)
        groups = self._groups(texts, controls, ssml)
        return self._narrator(controls, batch_size).audios(groups)

    def speak_batch(
        self,
        texts: Sequence[str],
        batch_size: int | None = None,
        *,
        speaker: str | None = None,
        speed: float = 1.0,
        pitch: float = 0.0,
        energy: float = 1.0,
        sentence_pause: float = 0.0,
        seed: int = 0,
        ssml: bool = False,
    ) -> list[Speech]:
        """The audio of `synthesize_batch` with the timing of each text; arguments and errors as for both."""
        controls = self._controls(speaker, speed, pitch, energy, sentence_pause, seed)
        groups = self._groups(texts, controls, ssml)
        return self._narrator(controls, batch_size).speeches(texts, groups)

    def stream(
        self,
        text: str,
        *,
        chunk_ms: float | None = None,
        on_sentence: OnSentence | None = None,
        speaker: str | None = None,
        speed: float = 1.0,
        pitch: float = 0.0,
        energy: float = 1.0,
        sentence_pause: float = 0.0,
        seed: int = 0,
        ssml: bool = False,
    ) -> Iterator[Audio]:
        """The audio of `synthesize` in chunks [S_i], each as soon as it can be heard, with bounded memory.

        Joined they are the samples of `synthesize` to a tolerance of 1e-4. The first chunk is 0.2 s (a first sentence
        of up to 2.4 s comes at once), each next one longer, unless `chunk_ms` (at least 1) sets one length for all but
        the last. A model that needs whole sentences gives them whole: Griffin-Lim is one; `kalakan export` prepares
        the acoustic model of a voice. `on_sentence` is called with the `kalakan.synthesis.timing.Sentence` that
        begins, before its first chunk. Other arguments and
        errors as for `synthesize`; a `TextError` comes when the iteration has found nothing to speak.
        """
        controls = self._controls(speaker, speed, pitch, energy, sentence_pause, seed)
        windows = self._narrator(controls).windows(text, self._breaths(text, controls, ssml), on_sentence)
        if chunk_ms is not None:
            windows = in_chunks(windows, chunk_samples(chunk_ms, self.sample_rate))
        return map(self._engine.to_audio, windows)

    def iter_pieces(
        self,
        text: str,
        *,
        on_sentence: OnSentence | None = None,
        speaker: str | None = None,
        speed: float = 1.0,
        pitch: float = 0.0,
        energy: float = 1.0,
        sentence_pause: float = 0.0,
        seed: int = 0,
        ssml: bool = False,
    ) -> Iterator[Audio]:
        """Audio [S_i] of each sentence in turn, with bounded memory for a text of any length: a little cheaper than
        `stream`, where no one waits for the first sound.

        The pieces follow each other without a gap: each ends with the pause of its own mark. Arguments and errors as
        for `stream`.
        """
        controls = self._controls(speaker, speed, pitch, energy, sentence_pause, seed)
        pieces = self._narrator(controls).pieces(text, self._breaths(text, controls, ssml), on_sentence)
        return map(self._engine.to_audio, pieces)

    def save_audio(
        self,
        audio: Audio,
        file: AudioFile,
        format: str | None = None,
        *,
        rate: int | None = None,
        bits: Bits | None = None,
    ) -> None:
        """Writes audio [S] to a path, by its suffix, or to a binary file object, by default as WAV.

        `format`, `rate` in Hz, `bits` and errors as for `kalakan.audio.files.write_audio`.
        """
        write_audio(file, audio, self.sample_rate, format, rate=rate, bits=bits)

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

    def _controls(
        self,
        speaker: str | None,
        speed: float,
        pitch: float,
        energy: float,
        sentence_pause: float,
        seed: int,
    ) -> Controls:
        row = self._speaker if speaker is None else speaker_row(speaker, self.speakers)
        return Controls(row, speed, pitch, energy, sentence_pause, seed)

    def _narrator(self, controls: Controls, batch_size: int | None = None) -> Narrator:
        size = self._config.batch_size if batch_size is None else batch_size
        if not is_whole(size) or size < 1:
            raise SynthesisError(f"batch_size is {size!r}; it must be a whole number of at least 1")
        return Narrator(self._engine, controls, size)

    def _breaths(self, text: str, controls: Controls, ssml: bool) -> Iterator[Breath]:
        script = read_ssml(text) if ssml else read_markup(text)
        for part in script:
            if not isinstance(part, Pause):
                self._check_speaker(text, part)  # known before the first sound
        return self._frontend.breaths(text, script, controls.sentence_pause)

    def _check_speaker(self, text: str, part: Text | Units) -> None:
        try:
            speaker_row(part.prosody.speaker, self.speakers)
        except SynthesisError as error:
            place = part.start if isinstance(part, Units) else next(iter(part.places), part.end)
            raise SynthesisError(located(text, place, str(error))) from error

    def _groups(self, texts: Sequence[str], controls: Controls, ssml: bool) -> list[list[Breath]]:
        if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
            raise TextError(f"the texts are a {type(texts).__name__}; they must be a list of strings")
        return [self._breaths_of(index, text, controls, ssml) for index, text in enumerate(texts)]

    def _breaths_of(self, index: int, text: str, controls: Controls, ssml: bool) -> list[Breath]:
        try:
            return list(self._breaths(text, controls, ssml))
        except TextError as error:
            raise TextError(f"text {index}: {error}") from error
