"""Text in, audio out: `/synthesize` and OpenAI's `/v1/audio/speech`."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from kalakan import Synthesizer
from kalakan.api import encoding
from kalakan.api.encoding import MEDIA_TYPES
from kalakan.audio.files import write_audio
from kalakan.audio.samples import pcm_bytes
from kalakan.synthesis.options import CONTROLS, SpeakOptions

SENTENCES = "Baako. Mmienu. Mmiɛnsa. Ɛnan."
HAS_FFMPEG = shutil.which("ffmpeg") is not None
needs_ffmpeg = pytest.mark.skipif(not HAS_FFMPEG, reason="needs ffmpeg, which is not installed")
Serve = Callable[..., TestClient]
LOSSLESS = ("wav", "flac", "pcm")


@pytest.fixture
def synthesizer(streaming_voice: Path) -> Synthesizer:
    return Synthesizer(streaming_voice)


def speech(client: TestClient, **body: Any) -> Any:
    return client.post(
        "/v1/audio/speech", json={"model": "tts-1", "voice": "akosua", "input": SENTENCES} | body
    )


def decoded(content: bytes, name: str) -> NDArray[np.int16]:
    if name == "pcm":
        return np.frombuffer(content, "<i2")
    return soundfile.read(io.BytesIO(content), dtype="int16")[0]


def with_length(flac: bytes, samples: int) -> bytes:
    """A FLAC file with the number of its samples in its header: 36 bits at byte 21."""
    assert flac[22:26] == bytes(4)
    return flac[:22] + samples.to_bytes(4, "big") + flac[26:]


def error_of(answer: Any) -> dict[str, Any]:
    """The error of an answer, which has the form that OpenAI's clients know."""
    assert answer.status_code >= 400
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "\n" not in error["message"]
    return error


def test_the_seeds_request_is_answered_with_the_file_that_the_synthesizer_writes(
    client: TestClient, synthesizer: Synthesizer
) -> None:
    answer = client.post("/synthesize", json={"text": SENTENCES})
    file = io.BytesIO()
    synthesizer.save_audio(synthesizer.synthesize(SENTENCES), file)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/wav"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.content == file.getvalue()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("speaker", "kwame"), ("speed", 1.5), ("pitch", 3), ("volume", -6.0), ("energy", 0.5), ("seed", 7)),
        *(("sentence_pause", 0.5), ("lead_in", 0.3), ("tones", "written")),
    ],
)
def test_every_control_reaches_the_synthesizer(
    client: TestClient, synthesizer: Synthesizer, name: str, value: Any
) -> None:
    answer = client.post("/synthesize", json={"text": SENTENCES, "format": "pcm", name: value})
    expected = synthesizer.synthesize(SENTENCES, SpeakOptions(**{name: value}))
    assert answer.content == pcm_bytes(expected, "PCM_16")


def test_the_schema_has_every_control_with_its_limits(client: TestClient) -> None:
    fields = client.get("/openapi.json").json()["components"]["schemas"]["SynthesizeRequest"]["properties"]
    assert set(CONTROLS) <= set(fields)
    assert (fields["speed"]["minimum"], fields["speed"]["maximum"]) == (0.5, 2.0)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", [name for name in MEDIA_TYPES if name != "aac"])
def test_every_format_is_what_its_type_says(
    client: TestClient, synthesizer: Synthesizer, name: str, stream: bool
) -> None:
    """moltis-org/moltis#1030."""
    answer = speech(client, response_format=name, stream=stream)
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == MEDIA_TYPES[name]
    assert ("content-length" in answer.headers) is not stream
    expected = synthesizer.synthesize(SENTENCES)
    if stream and name == "flac":  # libsndfile reads no array from one whose length is not known
        heard = decoded(with_length(answer.content, len(expected)), name)
    else:
        heard = decoded(answer.content, name)
    if name in LOSSLESS:
        difference = np.abs(heard - np.frombuffer(pcm_bytes(expected, "PCM_16"), "<i2").astype(int))
        assert len(heard) == len(expected)
        assert difference.max() <= 4  # windows of a stream: 1e-4
    else:
        assert len(heard) == pytest.approx(len(expected), abs=0.3 * synthesizer.sample_rate)


@needs_ffmpeg
@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_ffmpeg_reads_every_format_to_its_end(client: TestClient, name: str, tmp_path: Path) -> None:
    """One file, not several in a row: all of it is decoded, and the header's length is that of the sound."""
    seconds = client.post("/v1/timestamps", json={"text": SENTENCES}).json()["seconds"]
    path = tmp_path / f"a.{name}"
    path.write_bytes(speech(client, response_format=name).content)
    given = ["-f", "s16le", "-ar", "8000"] if name == "pcm" else []
    command = ["ffmpeg", "-v", "error", *given, "-i", path, "-f", "s16le", "-ac", "1", "-ar", "8000", "-"]
    result = subprocess.run(command, capture_output=True, check=True)
    assert result.stderr == b""
    assert len(result.stdout) / 2 / 8000 == pytest.approx(seconds, abs=0.3)


@needs_ffmpeg
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["mp3", "opus", "wav", "flac"])
def test_several_sentences_are_one_file_whose_header_has_their_length(
    client: TestClient, name: str, stream: bool, tmp_path: Path
) -> None:
    """remsky/Kokoro-FastAPI#57."""
    path = tmp_path / f"a.{name}"
    path.write_bytes(speech(client, response_format=name, stream=stream, sample_rate=24000).content)
    probe = ["ffprobe", "-v", "error", "-show_entries", "format=start_time,duration", "-of", "json", path]
    found = json.loads(subprocess.run(probe, capture_output=True, check=True).stdout)["format"]
    decode = ["ffmpeg", "-v", "error", "-i", path, "-f", "s16le", "-ac", "1", "-ar", "24000", "-"]
    decoded_s = len(subprocess.run(decode, capture_output=True, check=True).stdout) / 2 / 24000
    if name == "flac" and stream:
        assert "duration" not in found  # it was not known when the header was sent
    else:
        begin = float(found.get("start_time", 0))  # where an encoder's delay ends
        assert float(found["duration"]) - begin == pytest.approx(decoded_s, abs=0.05)
    if name == "mp3" and (mp3val := shutil.which("mp3val")):
        report = subprocess.run([mp3val, path], capture_output=True, text=True, check=True).stdout
        faults = [line for line in report.splitlines() if line.startswith(("WARNING", "ERROR"))]
        assert [line for line in faults if "No supported tags" not in line] == []
    if name == "mp3":
        assert path.read_bytes().count(b"Xing") + path.read_bytes().count(b"Info") <= 1


def test_one_header_in_a_streamed_wav(client: TestClient) -> None:
    """speaches-ai/speaches#493."""
    content = speech(client, response_format="wav", stream=True).content
    assert content.count(b"RIFF") == content.count(b"data") == 1
    assert soundfile.info(io.BytesIO(content)).samplerate == 8000


def test_mp3_is_the_default(client: TestClient) -> None:
    """mudler/LocalAI#2732, adrianlyjak/obsidian-aloud-tts#113."""
    answer = speech(client)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert soundfile.info(io.BytesIO(answer.content)).format == "MP3"


def test_aac_without_an_encoder_names_the_others(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "aac_encoder", lambda: None)
    error = error_of(speech(client, response_format="aac"))
    assert error["param"] == "response_format"
    assert all(name in error["message"] for name in MEDIA_TYPES)
    assert "aac" not in client.get("/v1/audio/voices").json()["formats"]


def test_a_voice_may_be_an_object_and_one_of_openais(client: TestClient) -> None:
    by_name = speech(client, voice="kwame", response_format="pcm").content
    assert speech(client, voice={"id": "kwame"}, response_format="pcm").content == by_name
    listed = {item["id"]: item["aliases"] for item in client.get("/v1/audio/voices").json()["voices"]}
    assert set(listed) == {"akosua", "kwame"}
    for alias in listed["kwame"]:
        assert speech(client, voice=alias, response_format="pcm").content == by_name


@pytest.mark.torch  # the committed voice has no mixes
def test_a_voice_may_be_a_mix(client: TestClient) -> None:
    mix = "akosua:0.25,kwame:0.75"
    answer = speech(client, voice=mix, response_format="pcm")
    assert answer.status_code == 200
    plain = {speech(client, voice=name, response_format="pcm").content for name in ("akosua", "kwame")}
    assert len({answer.content, *plain}) == 3
    wrong = speech(client, voice="akosua:x")
    assert wrong.status_code == 400
    assert error_of(wrong)["code"] == "voice_not_found"
    assert "gives akosua the weight 'x'" in error_of(wrong)["message"]
    assert speech(client, voice=f"{'a' * 300}:1").status_code == 400


def test_an_unknown_voice_lists_the_voices(client: TestClient) -> None:
    answer = speech(client, voice="../../../tmp/x", model="../../etc")
    assert answer.status_code == 400
    assert error_of(answer) == {
        "message": "voice '../../../tmp/x' does not exist; choose one of akosua, kwame",
        "type": "invalid_request_error",
        "param": "voice",
        "code": "voice_not_found",
    }


def test_no_field_is_a_path(client: TestClient, tmp_path: Path) -> None:
    """OHF-Voice/piper1-gpl#9."""
    target = tmp_path / "pwn.wav"
    assert error_of(speech(client, filename=str(target)))["param"] == "filename"
    assert error_of(speech(client, response_format="../wav"))["param"] == "response_format"
    assert not target.exists()
    assert speech(client).headers["content-disposition"] == 'inline; filename="speech.mp3"'


@pytest.mark.parametrize(("asked", "spoken"), [(0.25, 0.5), (4.0, 2.0), (1.25, 1.25)])
def test_openais_speeds_are_taken_to_the_nearest_there_is(
    client: TestClient, synthesizer: Synthesizer, asked: float, spoken: float
) -> None:
    answer = speech(client, response_format="wav", speed=asked)
    file = io.BytesIO()
    synthesizer.save_audio(synthesizer.synthesize(SENTENCES, speaker="akosua", speed=spoken), file)
    assert answer.content == file.getvalue()
    notice = None if asked == spoken else f"speed {asked:g} is {spoken:g}"
    assert answer.headers.get("kalakan-notice") == notice


def test_instructions_are_ignored_and_a_header_says_so(client: TestClient) -> None:
    answer = speech(client, instructions="like a pirate", response_format="pcm")
    assert answer.headers["kalakan-notice"] == "instructions are ignored"
    assert answer.content == speech(client, response_format="pcm").content


BODIES = [
    '{"model":"m","voice":"akosua","input":""}',
    '{"model":"m","voice":"akosua"}',
    '{"input":null,"voice":"akosua","model":"m"}',
    '{"model":"m","voice":"akosua","input":"a","speed":0}',
    '{"model":"m","voice":"akosua","input":"a","speed":-1}',
    '{"model":"m","voice":"akosua","input":"a","speed":"NaN"}',
    '{"model":"m","voice":"akosua","input":"a","speed":NaN}',
    '{"model":"m","voice":"akosua","input":"a","speed":true}',
    '{"model":"m","voice":"akosua","input":"a","response_format":" WAV "}',
    '{"model":"m","voice":"akosua","input":"a","sample_rate":1}',
    '{"model":"m","voice":[],"input":"a"}',
    '{"model":"m","voice":"akosua","input":"…"}',
    '{"model":"m","voice":"akosua","input":"a","ssml":true}',
    '{"model":"m","voice":"akosua","input":"a","seed":1' + "0" * 5000 + "}",
    "[]",
    "x",
    "",
    "[" * 100_000,
    '{"model":"m","voice":"akosua","input":"\\ud800"}',
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_body_out_of_the_contract_is_a_400(client: TestClient, body: str) -> None:
    """sgl-project/sglang-omni#712."""
    answer = client.post("/v1/audio/speech", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert error_of(answer)["type"] == "invalid_request_error"


def test_bytes_that_are_no_utf8_are_a_400(client: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    assert client.post("/synthesize", content=b'{"text": "\xff"}', headers=headers).status_code == 400


def test_a_body_of_another_type_is_told_what_to_send(client: TestClient) -> None:
    error = error_of(client.post("/synthesize", data={"text": "a"}))
    assert "application/json" in error["message"]


def test_events_hold_the_audio_of_a_stream(client: TestClient) -> None:
    answer = speech(client, stream_format="sse", response_format="pcm")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n") if line]
    audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    assert audio == speech(client, response_format="pcm").content
    frames = len(audio) // 2 // 64
    usage = {"input_tokens": len(SENTENCES), "output_tokens": frames, "total_tokens": len(SENTENCES) + frames}
    assert events[-1] == {"type": "speech.audio.done", "usage": usage}


def test_a_json_answer_has_audio_times_and_subtitles(client: TestClient) -> None:
    text = "Maakye! Me wɔ GHS 5."
    answer = client.post("/synthesize", json={"text": text, "answer": "json"}).json()
    audio = base64.b64decode(answer["audio"])
    assert audio == client.post("/synthesize", json={"text": text}).content
    assert answer["normalized"] == "maakye! me wɔ sidi num."
    assert [sentence["text"] for sentence in answer["sentences"]] == ["Maakye!", "Me wɔ GHS 5."]
    words = [word for sentence in answer["sentences"] for word in sentence["words"]]
    assert [word["text"] for word in words] == ["Maakye!", "Me", "wɔ", "GHS 5."]
    assert all(word["start"] < word["end"] <= answer["seconds"] for word in words)
    assert answer["seconds"] == pytest.approx(soundfile.info(io.BytesIO(audio)).duration)
    assert "Me wɔ GHS 5." in answer["srt"]
    assert answer["vtt"].startswith("WEBVTT")
    times = client.post("/v1/timestamps", json={"text": text}).json()
    assert times == {name: value for name, value in answer.items() if name in times}
    assert "audio" not in times


def test_a_sample_rate_may_be_asked_for(client: TestClient) -> None:
    answer = client.post("/synthesize", json={"text": "Maakye", "sample_rate": 16000})
    assert soundfile.info(io.BytesIO(answer.content)).samplerate == 16000
    assert answer.headers["kalakan-sample-rate"] == "16000"


def test_nothing_that_changes_the_audio_shares_an_entry_of_the_cache(client: TestClient) -> None:
    """zoglmannk/Morse-Code-Ninja#5."""
    answers = [
        speech(client, voice=voice, speed=speed, response_format=name).content
        for _ in range(2)
        for voice, speed, name in product(("akosua", "kwame"), (1.0, 1.5), ("wav", "mp3"))
    ]
    assert len(set(answers)) == 8
    assert answers[:8] == answers[8:]


def test_spellings_with_one_reading_share_an_entry(client: TestClient) -> None:
    composed, decomposed = "\u00e1kwaaba", "a\u0301kwaaba"
    places = [
        client.post("/synthesize", json={"text": text}).headers["content-location"]
        for text in (composed, decomposed)
    ]
    assert places[0] == places[1]


def test_cached_audio_is_found_again_with_ranges_and_validators(client: TestClient) -> None:
    made = client.post("/synthesize", json={"text": SENTENCES})
    place, tag = made.headers["content-location"], made.headers["etag"]
    again = client.get(place)
    assert (again.status_code, again.content, again.headers["etag"]) == (200, made.content, tag)
    assert client.get(place, headers={"If-None-Match": f'"x", W/{tag}'}).status_code == 304
    part = client.get(place, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, made.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(made.content)}"
    assert client.get(place, headers={"Range": "bytes=-5"}).content == made.content[-5:]
    assert client.get(place, headers={"Range": "bytes=5-"}).content == made.content[5:]
    assert client.get(place, headers={"Range": "bytes=5-", "If-Range": '"x"'}).status_code == 200
    beyond = client.get(place, headers={"Range": f"bytes={len(made.content)}-"})
    assert (beyond.status_code, error_of(beyond)["code"]) == (416, "range_not_satisfiable")
    for name in ("x", "0" * 64 + ".8000.wav", place.rpartition("/")[2].replace("8000", "9999")):
        assert client.get(f"/v1/audio/speech/{name}").status_code in (400, 404)


@pytest.mark.parametrize("name", ["mp3", "pcm", "opus", "flac", "wav"])
def test_a_stream_says_where_its_audio_can_be_had_again(client: TestClient, name: str) -> None:
    body = {"response_format": name, "stream": True, "input": f"{SENTENCES} {name}."}
    made, cached = speech(client, **body), speech(client, **body)
    place = made.headers["content-location"]
    assert "content-length" not in made.headers
    assert cached.headers["content-location"] == place
    again = client.get(place)
    assert (again.status_code, again.headers["content-type"]) == (200, made.headers["content-type"])
    if name == "pcm":
        assert again.content == made.content


def test_a_stream_that_is_not_kept_has_no_place(serve: Serve) -> None:
    made = speech(serve(cache_bytes=0), response_format="mp3")
    assert made.status_code == 200
    assert "content-location" not in made.headers


def test_a_validator_may_be_any_a_weak_one_and_one_of_several(client: TestClient) -> None:
    for path in ("/", client.post("/synthesize", json={"text": SENTENCES}).headers["content-location"]):
        tag = client.get(path).headers["etag"]
        for known in ("*", tag, f"W/{tag}", f'"x", {tag}'):
            answer = client.get(path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag), known
        for other in ("", '"x"', tag.strip('"'), 'W/"*"'):
            assert client.get(path, headers={"If-None-Match": other}).status_code == 200, other
    place = client.post("/synthesize", json={"text": SENTENCES, "format": "opus"}).headers["content-location"]
    assert client.get(place, headers={"If-None-Match": "*"}).status_code == 304


def test_every_get_has_a_head_of_the_same_headers_without_a_body(client: TestClient) -> None:
    paths = [path for path, item in client.get("/openapi.json").json()["paths"].items() if "get" in item]
    assert {"/health", "/metrics", "/v1/models", "/v1/audio/voices"} <= set(paths)
    cached = client.post("/synthesize", json={"text": SENTENCES}).headers["content-location"]
    known = [path for path in paths if "{" not in path]
    for path in (*known, "/", "/openapi.json", "/v1/models/kalakan", "/v1/models/x", "/nowhere", cached):
        head, got = (client.request(method, path) for method in ("HEAD", "GET"))
        assert (head.status_code, head.content) == (got.status_code, b""), path
        for name in ("content-type", "etag", "cache-control"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)
        assert "content-length" in head.headers, path
    part = client.head(cached, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["content-length"]) == (200, str(len(client.get(cached).content)))
    refused = client.head("/synthesize")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"voice": 3}, "voice", ("voice is 3", "a name, or an object")),
        ({"voice": {"id": 3}}, "voice", ("a name, or an object",)),
        ({"voice": {"id": "akosua", "x": 1}}, "voice", ("a name, or an object",)),
        ({"vioce": "akosua"}, "vioce", ("'vioce' is no field",)),
        ({"a\nb": 1}, "a\nb", ("'a\\nb' is no field",)),
        ({"x" * 100: 1}, "x" * 60 + "…", ("… is no field",)),
        ({"sample_rate": 7}, "sample_rate", ("7 Hz", "8000")),
        ({"speed": "1"}, "speed", ("speed is '1'", "it must be a valid number")),
        ({"speed": None}, "speed", ("speed is null; it must be a valid number",)),
        ({"speed": [1]}, "speed", ("speed is an array; it must be a valid number",)),
        ({"input": {"text": "Ɛyɛ"}}, "input", ("input is an object; it must be a valid string",)),
        ({"input": True}, "input", ("input is true; it must be a valid string",)),
    ],
)
def test_an_error_names_the_field(
    client: TestClient, body: dict[str, Any], param: str, words: tuple[str, ...]
) -> None:
    error = error_of(speech(client, **body))
    assert error["param"] == param
    for word in words:
        assert word in error["message"]


def test_an_error_of_a_field_of_several_types_names_all_of_them(client: TestClient) -> None:
    row = {"text": "Maakye.", "id": 1.5}
    error = client.post("/v1/batch", content=json.dumps(row)).json()["error"]
    assert error["param"] == "id"
    assert error["message"] == "id is 1.5; it must be a valid string or be a valid integer"


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "pcm"])
@pytest.mark.parametrize("rate", [None, 8000])
@pytest.mark.parametrize("count", [1, 8191, 8193, 70_001])
def test_a_file_that_is_made_in_steps_is_the_one_that_is_written_at_once(
    name: str, rate: int | None, count: int
) -> None:
    audio = np.random.default_rng(count).uniform(-1.0, 1.0, count).astype(np.float32)
    output = encoding.Output(name, 24000, rate)
    *stops, content = output.steps(audio)
    assert stops == [None] * len(list(output.blocks(audio)))
    file = io.BytesIO()
    write_audio(file, audio, 24000, name, rate=output.coding.rate)
    assert content == output.file(audio) == file.getvalue()


def test_parts_of_audio_whose_bytes_change_are_not_given(client: TestClient) -> None:
    made = client.post("/synthesize", json={"text": SENTENCES, "format": "opus"})
    assert "etag" not in made.headers
    again = client.get(made.headers["content-location"], headers={"Range": "bytes=0-9"})
    assert (again.status_code, again.headers["accept-ranges"]) == (200, "none")
    assert len(again.content) == len(made.content)
