"""`Synthesizer`: text in, audio out. Combines the text stage, an engine and the audio writer."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kalakan.audio.files import AudioFile, write_audio
from kalakan.audio.formats import Bits
from kalakan.config.resolve import resolve, without_models
from kalakan.errors import SynthesisError
from kalakan.synthesis.batch import synthesize_texts
from kalakan.synthesis.delivery import Delivery
from kalakan.synthesis.engines.build import build_engine
from kalakan.synthesis.engines.origin import Origin, origin_of, reader_of, remember
from kalakan.synthesis.engines.request import Request, is_module, is_path
from kalakan.synthesis.identity import fingerprint
from kalakan.synthesis.options import Changes, SpeakOptions, changed, speaker_shares
from kalakan.synthesis.pickling import restored
from kalakan.synthesis.reading.phrases import TextStage
from kalakan.synthesis.reading.readers import Reader
from kalakan.synthesis.speech import Speech
from kalakan.synthesis.stages import Stages
from kalakan.synthesis.stream import Stream, chunk_samples, resized
from kalakan.synthesis.threads import call_threads
from kalakan.synthesis.timing import Timing
from kalakan.text.twi_g2p import TwiG2P
from kalakan.utils.config import Config
from kalakan.voices.manifest import VoiceManifest

if TYPE_CHECKING:
    from typing_extensions import Unpack

Audio = Any
"""Audio [S], float32 in [-1, 1]: a numpy array from the onnx engine, a CPU tensor from the torch engine."""
Options = SpeakOptions | None


class Synthesizer:
    """Synthesizes Twi text. `Synthesizer()` uses the voice that comes with the package, on the CPU, without torch.

    Every method takes its settings as a `SpeakOptions`, as its fields by name, or both: `synthesize(text, options,
    speed=0.9)`. Thread-safe. Can be pickled: the copy loads the same models again.
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
            acoustic_model: Instead of a voice, a `.pt` file, an `.onnx` file, a voice folder, a torch module, or the
                `acoustic_model` of another synthesizer, which also brings its speakers, reader and vocoder.
            vocoder: The same for the vocoder; by default the voice's, or Griffin-Lim.
            acoustic_model_type: Name of a registered type. If the voice has no weights of that type, builds an
                untrained model, with an `UntrainedModelWarning`.
            vocoder_type: The same for the vocoder.
            device: Torch device; the onnx engine has only "cpu".
            config: Settings; uses the sections `inference`, `acoustic`, `vocoder` and `model`, which applies to the
                acoustic model if it names that model's settings, otherwise to the vocoder. For a model with weights,
                only settings that need no other weights may change (`kalakan.config.schema.SPEAKING_SETTINGS`, such
                as `noise_cut`). With the torch engine, `inference.threads`, if given, sets torch's threads for the
                whole process.
            engine: "onnx", "torch", or "auto": torch for devices other than the CPU and for `.pt` files, modules and
                types, otherwise onnx.
            speaker: Default speaker for calls that name none; by default the voice's first.
            lexicon: Readings of words, as for `TwiG2P`.

        Raises:
            ConfigError: Arguments or settings do not exist, or contradict each other or the weights.
            VoiceError: A voice or file is missing or damaged.
            SynthesisError: The voice does not have `speaker`.
            MissingDependencyError: The torch engine is needed and torch is not installed.
        """
        config = Config(config)
        self._overrides = overrides = config.to_dict()
        settings = resolve(without_models(overrides))
        threads = None if config.get("inference.threads") is None else settings.inference.threads
        self._request = Request(
            voice, acoustic_model, vocoder, acoustic_model_type, vocoder_type, str(device), engine, threads
        )
        self._is_replaced = False
        built = build_engine(self._request, settings, overrides)
        self._engine, self._manifest, self._voices = built.engine, built.manifest, built.voices
        self._batch_size = settings.inference.batch_size
        reader = reader_of(acoustic_model) if lexicon is None else None
        if reader is None:
            tones = "written" if built.manifest is None else built.manifest.tones
            reader = TwiG2P(lexicon=lexicon, tones=tones)
        self._text = TextStage(reader, settings.inference.max_characters, self.speakers)
        known = Origin(self.engine, built.audio, built.manifest, self.speakers, self.vocoder, self._text)
        remember(self.acoustic_model, known)
        remember(self.vocoder, replace(known, manifest=None, vocoder=None))
        if speaker is not None:
            speaker_shares(speaker, self.speakers)
        self._speaker = speaker

    def synthesize(self, text: str, options: Options = None, **changes: Unpack[Changes]) -> Audio:
        """Audio [S] of a text of any length, at `sample_rate`; the same text and seed give the same samples.

        `[en]…[/en]` and `[tw]…[/tw]` mark the language of parts of the text. With `ssml`, the text is an SSML document
        (`kalakan.synthesis.markup`) whose settings combine with those given here, within their limits. Samples that
        would clip are soft-limited (`kalakan.audio.loudness.soft_limit`). Raises `TextError` if the text has nothing
        to synthesize, `MarkupError` for SSML that cannot be read, and `SynthesisError` for an unknown speaker or a
        value out of range.
        """
        given = self._options(options, changes)
        delivery = self._delivery(given)
        return delivery.joined(delivery.sentences(text, self._text.phrases(text, given)))

    def speak(self, text: str, options: Options = None, **changes: Unpack[Changes]) -> Speech:
        """The audio of `synthesize` with its timing: the place of each sentence, word, sound and pause.

        Arguments and errors as for `synthesize`; `SynthesisError` also for an acoustic model without durations.
        """
        given = self._options(options, changes)
        delivery = self._delivery(given)
        chunks = list(delivery.sentences(text, self._text.phrases(text, given)))
        sentences = tuple(sentence for chunk in chunks for sentence in chunk.sentences)
        return Speech(delivery.joined(chunks), Timing(self.sample_rate, sentences))

    def synthesize_batch(
        self,
        texts: Sequence[str],
        batch_size: int | None = None,
        options: Options = None,
        *,
        errors: Literal["return", "raise"] = "return",
        **changes: Unpack[Changes],
    ) -> list[Any]:
        """Audio [S_i] of each text, as from `synthesize`, in the order of the texts.

        A text that cannot be synthesized does not affect the others: its exception is its result, or, with
        `errors="raise"`, the first exception is raised. A `TextError` names its text. On a GPU, up to
        `batch_size` sentences (default: `inference.batch_size`) go through the acoustic model together, or half as
        many if its memory is too small. On a CPU, they run one after another, which is faster there, and match
        `synthesize` bit for bit.
        """
        given = self._options(options, changes)
        size = self._batch_size if batch_size is None else batch_size
        return synthesize_texts(
            self._engine, texts, lambda text: self._text.phrases(text, given), given, size, errors
        )

    def stream(
        self,
        text: str,
        options: Options = None,
        *,
        chunk_ms: float | None = None,
        by_sentence: bool = False,
        **changes: Unpack[Changes],
    ) -> Stream:
        """The audio of `synthesize` in chunks [S_i], each as soon as it is generated, with bounded memory.

        Concatenated, they match the samples of `synthesize` within 1e-4. The first chunk is 0.2 s (a first sentence of
        up to 2.4 s is generated at once) and each following one longer, unless `chunk_ms` (at least 1) sets one length
        for all but the last. `by_sentence` yields whole sentences, a little cheaper if latency does not matter. Models
        that need whole sentences, such as Griffin-Lim, generate them whole; `kalakan export` prepares the acoustic
        model of a voice for streams. `Stream.chunks` adds the timing of each sentence as it begins. A stream can be
        closed and used in a `with` block. Other arguments and errors as for `synthesize`; a `TextError` is raised at
        the end of an iteration that found nothing to synthesize.
        """
        given = self._options(options, changes)
        size = None if chunk_ms is None else chunk_samples(chunk_ms, self.sample_rate)
        delivery, phrases = self._delivery(given), self._text.phrases(text, given)
        chunks = delivery.sentences(text, phrases) if by_sentence else delivery.windows(text, phrases)
        if size is not None:
            chunks = resized(chunks, size, self._engine.to_audio)
        return Stream(chunks, self.sample_rate)

    async def asynthesize(self, text: str, options: Options = None, **changes: Unpack[Changes]) -> Audio:
        """The audio [S] of `synthesize`, computed next to the event loop; arguments and errors as there.

        All calls of the process share the threads of the budget (`kalakan.synthesis.threads.thread_budget`) sentence
        by sentence; idle threads end. On cancellation, waits only for the sentence in progress.
        """
        from kalakan.synthesis.event_loop import in_thread  # here, because asyncio is a tenth of the start-up

        given = self._options(options, changes)

        def steps() -> Iterator[Any]:
            delivery, chunks = self._delivery(given), []
            for chunk in delivery.sentences(text, self._text.phrases(text, given)):
                chunks.append(chunk)
                yield None  # a point where it can stop
            yield delivery.joined(chunks)

        async with aclosing(in_thread(steps, threads=self._call_threads)) as results:
            return [result async for result in results][-1]

    async def astream(
        self,
        text: str,
        options: Options = None,
        *,
        chunk_ms: float | None = None,
        by_sentence: bool = False,
        **changes: Unpack[Changes],
    ) -> AsyncGenerator[Audio, None]:
        """The chunks [S_i] of `stream`, computed a few ahead by the threads of `asynthesize`; arguments as there.

        Errors as for `stream`, raised at the first chunk. On cancellation or when closed, for example by
        `contextlib.aclosing`, waits only for the chunk in progress.
        """
        from kalakan.synthesis.event_loop import in_thread  # here, because asyncio is a tenth of the start-up

        def pieces() -> Iterator[Any]:
            return self.stream(text, options, chunk_ms=chunk_ms, by_sentence=by_sentence, **changes)

        async with aclosing(in_thread(pieces, threads=self._call_threads)) as results:
            async for audio in results:
                yield audio

    def save_audio(
        self,
        audio: Audio,
        file: AudioFile,
        format: str | None = None,
        *,
        rate: int | None = None,
        bits: Bits | None = None,
    ) -> None:
        """Writes audio [S] to a path, in the format of its suffix, or to a binary file object, by default as WAV.

        `format`, `rate` in Hz, `bits` and errors as for `kalakan.audio.files.write_audio`.
        """
        write_audio(file, audio, self.sample_rate, format, rate=rate, bits=bits)

    @property
    def stages(self) -> Stages:
        """The current text, acoustic and vocoder stages, for separate use and for other threads."""
        engine = self._engine
        return Stages(self._text, engine.acoustic, engine.vocoder, self.speakers, engine)

    @property
    def fingerprint(self) -> str | None:
        """Hash of everything that the samples depend on besides text and options: files and settings of the voice,
        engine, device, reader, text rules and version. None if a model was replaced by hand, has random weights, or is
        a module, or if the reader is not a `TwiG2P`: such synthesizers cannot be compared."""
        if self._is_replaced or not isinstance(self.g2p, TwiG2P):
            return None
        return fingerprint(self._request, self._voices, self._overrides, self._speaker, self.engine, self.g2p)

    @property
    def g2p(self) -> Reader:
        """The grapheme-to-phoneme reader; may be replaced."""
        return self._text.reader

    @g2p.setter
    def g2p(self, reader: Reader) -> None:
        self._text.reader = reader

    @property
    def acoustic_model(self) -> Any:
        """Phonemes to mel: `inference(phonemes)`. With the torch engine, a module that can be moved or replaced."""
        return self._engine.acoustic.model

    @acoustic_model.setter
    def acoustic_model(self, model: Any) -> None:
        self._engine.acoustic = self._engine.acoustic.replaced(model)
        self._is_replaced = True

    @property
    def vocoder(self) -> Any:
        """Mel to audio: `inference(mel)`, `sample_rate`. With the torch engine, a module that can be replaced."""
        return self._engine.vocoder.model

    @vocoder.setter
    def vocoder(self, model: Any) -> None:
        self._engine.vocoder = self._engine.vocoder.replaced(model)
        self._is_replaced = True

    @property
    def sample_rate(self) -> int:
        """Sample rate of the audio in Hz."""
        return self._engine.vocoder.sample_rate

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names of the available speakers."""
        return self._engine.speakers

    @property
    def engine(self) -> str:
        """ "onnx" or "torch"."""
        return self._engine.name

    @property
    def voice(self) -> VoiceManifest | None:
        """The manifest of the voice; None for bare model files."""
        return self._manifest

    def copied_to(self, device: str) -> Synthesizer:
        """A synthesizer with copies of the models on another torch device, and the same reader.

        The onnx engine shares its models between synthesizers. Raises `ConfigError` for a device that the engine does
        not support.
        """
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        twin._engine = self._engine.copied_to(device)
        twin._request = replace(self._request, device=device)
        return twin

    def __repr__(self) -> str:
        voice = "bare model files" if self._manifest is None else f"voice {self._manifest.name}"
        return f"<Synthesizer: {voice}, engine {self.engine}, speakers {', '.join(self.speakers)}>"

    def __reduce__(self) -> tuple[Callable[..., Synthesizer], tuple[Any, ...]]:
        given = (self._request.acoustic_model, self._request.vocoder)
        if self._is_replaced or not all(
            model is None or is_path(model) or is_module(model) for model in given
        ):
            raise SynthesisError(
                "a synthesizer whose model was replaced by hand cannot be pickled; build one in each process"
            )
        origins = tuple(map(origin_of, given))
        settings = (self._overrides, self._speaker, self.g2p)
        return restored, (type(self), self._request.located(), origins, *settings)

    @property
    def _call_threads(self) -> int:
        return call_threads(self.engine, self._request.threads)

    def _options(self, options: Options, changes: Changes) -> SpeakOptions:
        given = changed(options, **changes)
        if given.speaker is None:
            return given if self._speaker is None else replace(given, speaker=self._speaker)
        speaker_shares(given.speaker, self.speakers)
        return given

    def _delivery(self, options: SpeakOptions) -> Delivery:
        return Delivery(self._engine, options, self._batch_size)
