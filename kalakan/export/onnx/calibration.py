"""Calibration data for static quantization: Twi sentences with varied speakers, speed, pitch and energy.

The sentences are Kalakan's own. A third of them have tone marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from kalakan.text.framing import frame
from kalakan.text.twi_g2p import TwiG2P

if TYPE_CHECKING:
    from kalakan.models.acoustic.fastspeech2 import FastSpeech2

TEXTS = (
    "Akwaaba! Wo ho te sɛn?",
    "Me ho yɛ, na wo nso wo ho te sɛn?",
    "Yaa asantewaa, wo din de sɛn?",
    "Me papa ne me maame wɔ fie.",
    "Ɛnnɛ anɔpa owia abɔ paa wɔ Kumasi.",
    "Nsuo tɔɔ anadwo nyinaa, enti kwan no so yɛ toro.",
    "Mmɔfra no redi agorɔ wɔ sukuu no anim.",
    "Kɔ dwa so na tɔ bayerɛ, ntoosi ne nkyene brɛ me.",
    "Ɛdeɛn nti na wosu? Gyae su, ɛbɛyɛ yie.",
    "Daabi, mempɛ aduane no bi bio.",
    "Aane! Yɛbɛhyia bio ɔkyena nnɔn mmienu.",
    "Okuafoɔ no dua aburoɔ, bankye ne koko wɔ n'afuo mu.",
    "Dwom a wɔreto no yɛ dɛ, na nnipa pii resa.",
    "Hwan na ɔkyerɛw krataa yi maa ɔhene no?",
    "Gyata ne ɔsono yɛ mmoa akɛseɛ wɔ kwaeɛ mu.",
    "Twerɛ wo din wɔ ha, na fa fa wo kyɛfa.",
    "Pápá yɛ́ adé pá.",
    "Ɔ́kɔ̀ fíé ɛ́nnɛ́ ànɔ̀pá.",
    "Kòfí né Ámá kɔ́ súkúù.",
    "Mè dìn dè Kwàmé, na mè wɔ̀ Nkràn.",
    "Àgyá bɛ́bá ɔ̀kyéná ánɔ́pá.",
    "Ɛ́yɛ́ dɛ́, ńsúó yí mú dɔ́.",
    "Wó hó tè sɛ̀n, Àdwóá?",
    "Ńná ɔ̀rèdìdí wɔ̀ dán nó mú.",
)
"""Statements, questions and calls, every vowel and most consonants."""
SPEEDS = (1.0, 0.5, 1.0, 1.5, 1.0, 2.0, 1.0)
PITCHES = (0.0, 0.0, 3.0, 0.0, -3.0, 0.0, 6.0, 0.0, -6.0, 0.0, 0.0)
"""Semitones."""
ENERGIES = (1.0, 1.0, 1.0, 1.5, 1.0, 0.6)


def sentences() -> Iterator[list[int]]:
    """Phoneme ids of each text, framed as in training: `<bos>` first, a pause mark last."""
    reader = TwiG2P(tones="written")
    return (frame(reader.text_to_phoneme_sequence(text)) for text in TEXTS)


def acoustic_inputs(speakers: int) -> Iterator[dict[str, NDArray[Any]]]:
    """Inputs of `acoustic.onnx`: every sentence with two speakers (or all, if there are fewer), cycling through speed,
    pitch and energy. More speakers are cycled through too."""
    ways = zip(cycle(SPEEDS), cycle(PITCHES), cycle(ENERGIES), strict=False)
    voices = cycle(range(speakers))
    for ids in sentences():
        for _ in range(min(speakers, 2)):
            speed, pitch, energy = next(ways)
            yield {
                "phonemes": np.array([ids]),
                "speaker": np.array([next(voices)]),
                "speed": np.full((1, 1), speed, np.float32),
                "pitch": np.full((1, 1), pitch, np.float32),
                "energy": np.full((1, 1), energy, np.float32),
            }


def vocoder_inputs(model: FastSpeech2) -> Iterator[dict[str, NDArray[Any]]]:
    """Inputs of `vocoder.onnx`: mels and F0 that an acoustic model predicts for all `acoustic_inputs`."""
    for example in acoustic_inputs(len(model.config.speakers)):
        with torch.no_grad():
            mel, aux = model.inference(**{name: torch.from_numpy(value) for name, value in example.items()})
        yield {"mel_input": mel.numpy(), "f0": aux["pitch"].numpy(), "synthesize": np.asarray(False)}
