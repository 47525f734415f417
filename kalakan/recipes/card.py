"""License text and model card of a voice made by a recipe."""

from __future__ import annotations

from pathlib import Path

from kalakan.data.manifest import read_manifest
from kalakan.errors import VoiceError
from kalakan.recipes.plan import VoicePlan
from kalakan.voices.manifest import UNDECLARED_LICENSE, VoiceManifest
from kalakan.voices.save import UNDECLARED

_REFERENCE = """SPDX-License-Identifier: {license}

The weights of this voice are under the license {license}; its text: https://spdx.org/licenses/{license}.html
"""
_OWN = """SPDX-License-Identifier: {license}

The weights of this voice are under terms of their own, named {license}; ask whoever passed it on for their text.
"""
_CARD = """# {name}

A voice for Kalakan ({models}, {sample_rate} Hz). Speakers: {speakers}. License: {license}.

Consent: {consent}

It was fine-tuned from the voice `{start}` {version} on {minutes:.1f} minutes of recordings:

| speaker | utterances | minutes |
|---|---|---|
{rows}

{steps} steps of the acoustic model. Its tones of unmarked words are {tones}. It was measured by machine on recordings
that it did not learn from; nobody has said here how it sounds to people.
"""
_NO_CONSENT = "**not stated.** Do not pass the voice on before everyone who speaks in it has agreed to that."


def license_text(plan: VoicePlan) -> str:
    """The text of the license: the plan's file, or where to find it. Raises `VoiceError` for a file that cannot be
    read."""
    if plan.license_file:
        try:
            return Path(plan.license_file).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise VoiceError(
                f"{plan.license_file}: cannot be read ({reason}); give the license as text"
            ) from error
    if plan.license == UNDECLARED_LICENSE:
        return UNDECLARED
    return (_OWN if plan.license.startswith("LicenseRef-") else _REFERENCE).format(license=plan.license)


def model_card(
    name: str, plan: VoicePlan, manifest: VoiceManifest, start: VoiceManifest, corpus: Path
) -> str:
    """The model card in Markdown: speakers, consent, and the training data of the voice."""
    items = [item for item in read_manifest(corpus, {}) if item.split == "train"]
    rate = manifest.audio.sample_rate
    minutes = {
        speaker: sum(item.samples for item in items if item.speaker == speaker) / rate / 60
        for speaker in manifest.speakers
    }
    rows = [
        f"| {speaker} | {sum(item.speaker == speaker for item in items)} | {minutes[speaker]:.1f} |"
        for speaker in manifest.speakers
    ]
    return _CARD.format(
        name=name,
        models=f"{manifest.acoustic.type}, {manifest.vocoder.type}",
        sample_rate=rate,
        speakers=", ".join(manifest.speakers),
        license=plan.license,
        consent=plan.consent or _NO_CONSENT,
        start=start.name,
        version=start.version,
        minutes=sum(minutes.values()),
        rows="\n".join(rows),
        steps=manifest.training.get("steps", "unknown"),
        tones=manifest.tones,
    )
