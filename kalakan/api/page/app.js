import { textOf } from "./documents.js";
import { draw, forget } from "./picture.js";
import { Player, wavOf } from "./player.js";
import { say, use } from "./strings.js";
import { corrected, corrections, lexicon, show } from "./tones.js";

const $ = (id) => document.getElementById(id);
const FIRST = ["speed", "pitch", "pitch_range"];
const MORE = ["volume", "sentence_pause", "lead_in"];
const KEYS = ["ɛ", "ɔ", "Ɛ", "Ɔ", "\u0301", "\u0300", "\u0304"];
const MARK_NAMES = { "\u0301": "acute", "\u0300": "grave", "\u0304": "macron" };
let controls = {};
let session = null; // {socket, player, words, text, options}

// Settings

function field(name, control) {
  const label = document.createElement("label");
  const title = document.createElement("span");
  title.dataset.say = name === "tones" ? "tonesource" : name;
  title.textContent = say(title.dataset.say);
  label.append(title);
  const choices = control.choices;
  const input = document.createElement(choices ? "select" : "input");
  input.id = `set-${name}`;
  if (choices) {
    choices.forEach((choice) => {
      const option = new Option(name === "tones" ? say(choice) : choice, choice);
      if (name === "tones") option.dataset.say = choice;
      input.append(option);
    });
    input.value = control.default ?? choices[0];
    label.append(input);
    return label;
  }
  const steps = name === "pitch" || name === "volume" ? 1 : 0.05;
  const high = Math.min(control.high, name === "sentence_pause" || name === "lead_in" ? 3 : control.high);
  Object.assign(input, { type: "range", min: control.low, max: high, step: steps });
  input.value = control.default;
  const value = document.createElement("output");
  value.htmlFor = input.id;
  const tell = () => { value.textContent = `${Number(input.value)} ${control.unit}`.trim(); input.setAttribute("aria-valuetext", value.textContent); };
  input.addEventListener("input", tell);
  tell();
  label.append(value, input);
  return label;
}

function options() {
  const given = {};
  for (const input of document.querySelectorAll(".settings select, .settings input")) {
    const name = input.id.slice(4);
    given[name] = input.type === "range" ? Number(input.value) : input.value;
    if (given[name] === controls[name].default) delete given[name];
  }
  return given;
}

async function call(path, body) {
  const headers = { "Content-Type": "application/json" };
  if ($("key").value) headers.Authorization = `Bearer ${$("key").value}`;
  let answer;
  try {
    answer = await fetch(path, body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) });
  } catch { throw new Error(say("offline")); }
  if (!answer.ok) throw new Error((await answer.json().catch(() => null))?.error?.message ?? `HTTP ${answer.status}`);
  return answer;
}

async function open() {
  const found = await (await call("v1/audio/voices")).json();
  controls = { ...found.controls, speaker: { choices: found.voices.map((voice) => voice.id), default: found.default } };
  $("settings").replaceChildren(field("speaker", controls.speaker), ...FIRST.filter((name) => controls[name]).map((name) => field(name, controls[name])));
  $("more").replaceChildren(...["tones", ...MORE].filter((name) => controls[name]).map((name) => field(name, controls[name])));
  $("error").textContent = "";
}

function failed(error) {
  $("error").textContent = error.message;
  $("status").textContent = "";
}

// Writing

function keys() {
  $("keys").replaceChildren(...KEYS.map((letter) => {
    const key = document.createElement("button");
    key.type = "button";
    key.textContent = letter in MARK_NAMES ? `◌${letter}` : letter;
    if (letter in MARK_NAMES) { key.dataset.sayLabel = MARK_NAMES[letter]; key.setAttribute("aria-label", say(MARK_NAMES[letter])); }
    key.addEventListener("click", () => {
      const box = $("text");
      const before = box.value.slice(0, box.selectionStart);
      const joined = (before + letter).normalize("NFC");
      box.value = joined + box.value.slice(box.selectionEnd);
      box.focus();
      box.setSelectionRange(joined.length, joined.length);
    });
    return key;
  }));
}

async function take(file) {
  if (!file) return;
  try {
    $("text").value = await textOf(file);
    $("error").textContent = "";
    $("status").textContent = say("loaded", file.name, $("text").value.length);
  } catch (error) { failed(new Error(say("badfile", error.message))); }
}

// Listening

function stop(message) {
  if (!session) return;
  const ended = session;
  session = null;
  ended.socket.close();
  ended.player?.stop();
  $("stop").disabled = true;
  $("listen").disabled = false;
  $("progress").hidden = true;
  $("clock").textContent = "";
  if (message) $("status").textContent = message;
}

function listen(text, isAll = true) {
  stop();
  $("error").textContent = "";
  if (!text.trim()) { failed(new Error(say("empty"))); return; }
  forget();
  const socket = new WebSocket(`${location.href.replace(/^http/, "ws").replace(/[^/]*$/, "")}ws`);
  socket.binaryType = "arraybuffer";
  const mine = { socket, player: null, words: [], text, options: options(), seconds: null, spoken: 0 };
  session = mine;
  if (isAll) last = mine;
  $("now").hidden = false;
  $("words").replaceChildren();
  $("stop").disabled = false;
  $("status").textContent = say("reading");
  $("progress").hidden = false;
  $("progress").value = 0;
  if (isAll) for (const name of ["wav", "mp3", "srt"]) $(name).disabled = true;
  socket.addEventListener("open", () => {
    const key = $("key").value ? { api_key: $("key").value } : {};
    socket.send(JSON.stringify({ type: "start", ...mine.options, ...key }));
    socket.send(JSON.stringify({ type: "text", text }));
    socket.send(JSON.stringify({ type: "end" }));
  });
  socket.addEventListener("message", ({ data }) => {
    if (session !== mine) return;
    if (typeof data !== "string") { mine.player.add(data); return; }
    const message = JSON.parse(data);
    if (message.type === "audio_start") mine.player = new Player(message.sample_rate);
    else if (message.type === "sentence") sentence(mine, message);
    else if (message.type === "done") { mine.seconds = message.seconds; if (isAll) for (const name of ["wav", "mp3", "srt"]) $(name).disabled = false; }
    else if (message.type === "error") { stop(); failed(new Error(message.error.message)); }
  });
  socket.addEventListener("close", () => {
    if (session === mine && mine.seconds === null) { stop(); failed(new Error(say("offline"))); }
  });
  requestAnimationFrame(() => follow(mine));
}

let last = null; // the session whose audio is downloaded

function sentence(mine, message) {
  mine.spoken += message.text.length + 1;
  for (const word of message.words) {
    const element = document.createElement("span");
    element.textContent = word.text;
    $("words").append(element, " ");
    mine.words.push({ ...word, element });
  }
}

// How much of the text was heard. Until all of it is there, its length follows from the part that is.
function progress(mine, now) {
  const there = mine.player.samples / mine.player.rate;
  const total = Math.max(mine.seconds ?? there * Math.max(1, mine.text.length / mine.spoken), now);
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  $("progress").value = total ? now / total : 0;
  $("clock").textContent = `${clock(now)} / ${mine.seconds === null ? "≈ " : ""}${clock(total)}`;
}

function keepInView(element) {
  const box = $("words");
  const place = element.offsetTop - box.offsetTop;
  if (place < box.scrollTop || place + element.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = place - box.clientHeight / 2;
}

function follow(mine) {
  if (session !== mine) return;
  const { player } = mine;
  if (player) {
    const now = player.time;
    for (const word of mine.words) {
      const isNow = now >= word.start && now < word.end;
      if (isNow && !word.element.classList.contains("now")) keepInView(word.element);
      word.element.classList.toggle("now", isNow);
      word.element.classList.toggle("said", now >= word.end);
    }
    if (player.samples !== mine.drawn || Math.abs(now - (mine.drawnAt ?? -1)) > 0.1) {
      draw($("picture"), player.samples === mine.drawn ? mine.audio : (mine.audio = player.audio), player.rate, now);
      mine.drawn = player.samples;
      mine.drawnAt = now;
      progress(mine, now);
    }
    if (mine.seconds !== null && player.isOver) {
      for (const word of mine.words) word.element.className = "said";
      $("status").textContent = say("done", mine.seconds.toFixed(1));
      session = null;
      $("stop").disabled = true;
      $("progress").hidden = true;
      $("clock").textContent = "";
      mine.socket.close();
      return;
    }
  }
  requestAnimationFrame(() => follow(mine));
}

// Reading

async function explain() {
  const text = corrected($("text").value);
  if (!text.trim()) { failed(new Error(say("empty"))); return; }
  $("error").textContent = "";
  try {
    const [words, sounds] = await Promise.all([
      call("normalize", { text }).then((answer) => answer.json()),
      call("phonemize", { text }).then((answer) => answer.json()),
    ]);
    const lost = Object.entries(words.unread).map(([name, count]) => `${name} × ${count}`).join(", ");
    $("normalized").textContent = words.normalized + (lost ? ` (${say("unread", lost)})` : "");
    $("phonemes").textContent = sounds.phonemes;
    $("explained").hidden = false;
    show($("tones"), sounds.tones.map((decision) => unmarked(decision)), change);
  } catch (error) { failed(error); }
}

// A corrected word comes back with its marks; it is known by the word without them.
function unmarked(decision) {
  const plain = decision.word.normalize("NFD").replace(/[\u0300\u0301\u0304]/g, "").normalize("NFC");
  return { ...decision, word: plain };
}

async function change(word, box, letter) {
  $("corrected").hidden = false;
  $("corrections").replaceChildren(...[...corrections].map(([was, form]) => {
    const item = document.createElement("li");
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = say("remove");
    remove.setAttribute("aria-label", `${say("remove")} ${form}`);
    remove.addEventListener("click", () => { corrections.delete(was); item.remove(); $("corrected").hidden = !corrections.size; explain(); });
    item.append(`${form} `, remove);
    return item;
  }));
  listen(sentenceWith(word), false);
  await explain();
  const key = $("tones").children[box]?.querySelectorAll("button");
  [...(key ?? [])].find((item, index) => index >= 0 && item.getAttribute("aria-label").startsWith(`${[...word.normalize("NFD")][letter] ?? ""},`))?.focus();
}

// The sentence of the text that a word stands in, with the corrections.
function sentenceWith(word) {
  const plain = (piece) => piece.normalize("NFD").replace(/[\u0300\u0301\u0304]/g, "").normalize("NFC").toLowerCase();
  const pieces = $("text").value.match(/[^.!?\n]+[.!?]*/g) ?? [];
  const found = pieces.find((piece) => plain(piece).match(/[\p{L}\p{M}]+/gu)?.includes(word.toLowerCase()));
  return corrected((found ?? word).trim());
}

// Downloads

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function download(kind) {
  try {
    if (kind === "wav") { save(wavOf(last.player.audio, last.player.rate), "kalakan.wav"); return; }
    if (kind === "mp3") {
      const answer = await call("synthesize", { text: last.text, ...last.options, format: "mp3" });
      save(await answer.blob(), "kalakan.mp3");
      return;
    }
    const { srt } = await (await call("v1/timestamps", { text: last.text, ...last.options })).json();
    save(new Blob([srt], { type: "application/x-subrip" }), "kalakan.srt");
  } catch (error) { failed(error); }
}

function speak(language) {
  use(language);
  $("english").setAttribute("aria-pressed", String(language === "en"));
  $("twi").setAttribute("aria-pressed", String(language === "tw"));
}

keys();
$("english").addEventListener("click", () => speak("en"));
$("twi").addEventListener("click", () => speak("tw"));
$("listen").addEventListener("click", () => listen(corrected($("text").value)));
$("stop").addEventListener("click", () => stop(say("stopped")));
$("explain").addEventListener("click", explain);
$("lexicon").addEventListener("click", () => save(new Blob([lexicon()], { type: "text/tab-separated-values" }), "lexicon.tsv"));
for (const kind of ["wav", "mp3", "srt"]) $(kind).addEventListener("click", () => download(kind));
$("file").addEventListener("change", (event) => take(event.target.files[0]));
$("key").addEventListener("change", () => open().catch(failed));
for (const name of ["dragover", "dragleave", "drop"]) {
  $("text").addEventListener(name, (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    $("text").classList.toggle("over", name === "dragover");
    if (name === "drop") take(event.dataTransfer.files[0]);
  });
}
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) listen(corrected($("text").value));
});
open().catch(failed);
