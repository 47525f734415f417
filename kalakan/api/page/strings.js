// What the page says, in English and Twi. The Twi has not been checked by a native speaker yet.
export const STRINGS = {
  en: {
    skip: "Skip to the text", tagline: "Type Twi and listen.", language: "Language of this page",
    write: "Your text", letters: "Letters and tones", text: "Text to read out",
    hint: "Paste text, or drop a .txt, .epub or .docx file here. It stays between this page and your server.",
    open: "Open a file", voice: "Voice", more: "More settings", key: "API key, if the server asks for one",
    playback: "Playback", listen: "Listen", stop: "Stop", progress: "Progress", now: "As it is read",
    picture: "Waveform and pitch", how: "How it is read", explain: "Show words, tones and sounds",
    normalized: "Words", tones: "Tones",
    tonehint: "High á, low à, downstepped ā. Press a letter to change its tone and listen to it.",
    phonemes: "Sounds", corrections: "Your corrections", lexicon: "Save as lexicon",
    footer: "Tones of unmarked words are predictions; no native listener has judged them yet.",
    speaker: "Speaker", speed: "Tempo", pitch: "Pitch", pitch_range: "Pitch range", volume: "Volume",
    sentence_pause: "Pause between sentences", lead_in: "Silence first", tonesource: "Tones",
    predicted: "predicted", written: "as written", remove: "Remove", high: "high", low: "low",
    downstepped: "downstepped", unmarked: "unmarked", reading: "Reading…", done: "Done: {0} s.", stopped: "Stopped.",
    offline: "The server does not answer. Is it running?", empty: "Type something first.",
    badfile: "This file cannot be read: {0}.", loaded: "{0}: {1} characters.", unread: "Without a reading: {0}",
    acute: "High tone on the letter before", grave: "Low tone on the letter before", macron: "Downstepped tone on the letter before",
  },
  tw: {
    skip: "Kɔ nkyerɛwee no so", tagline: "Kyerɛw Twi na tie.", language: "Kratafa yi kasa",
    write: "Wo nkyerɛwee", letters: "Nkyerɛwde ne nne", text: "Nkyerɛwee a wɔbɛkenkan",
    hint: "Fa nkyerɛwee bɛto ha, anaa fa .txt, .epub anaa .docx fael bra ha.",
    open: "Bue fael", voice: "Nne", more: "Nhyehyɛe foforɔ", key: "API safoa, sɛ sɛva no bisa a",
    playback: "Atie", listen: "Tie", stop: "Gyae", progress: "Baabi a aduru", now: "Sɛnea wɔrekenkan",
    picture: "Nne no mfonini", how: "Sɛnea wɔkenkan", explain: "Kyerɛ nsɛm, nne ne nnyegyeeɛ",
    normalized: "Nsɛm", tones: "Nne a ɛkɔ soro ne fam",
    tonehint: "Soro á, fam à, soro a aba fam kakra ā. Mia nkyerɛwde no so na sesa, na tie.",
    phonemes: "Nnyegyeeɛ", corrections: "Nea woasesa", lexicon: "Kora sɛ nsɛmfua",
    footer: "Nne a ɛkɔ soro ne fam no yɛ nsusuiɛ; Twini biara nhwɛɛ mu da.",
    speaker: "Ɔkasafoɔ", speed: "Ahoɔherɛ", pitch: "Nne soro anaa fam", pitch_range: "Nne tɛtrɛɛ", volume: "Nne den",
    sentence_pause: "Ahomegyeɛ wɔ nsɛm ntam", lead_in: "Komm a edi kan", tonesource: "Nne a ɛkɔ soro ne fam",
    predicted: "nsusuiɛ", written: "sɛnea wɔakyerɛw", remove: "Yi firi hɔ", high: "soro", low: "fam",
    downstepped: "soro a aba fam", unmarked: "hwee nni so", reading: "Ɛrekenkan…", done: "Awie: {0} s.", stopped: "Agyae.",
    offline: "Sɛva no mmua. Ɛreyɛ adwuma anaa?", empty: "Di kan kyerɛw biribi.",
    badfile: "Yɛntumi nkenkan fael yi: {0}.", loaded: "{0}: nkyerɛwde {1}.", unread: "Nea yɛankenkan: {0}",
    acute: "Soro wɔ nkyerɛwde a edi kan so", grave: "Fam wɔ nkyerɛwde a edi kan so", macron: "Soro a aba fam wɔ nkyerɛwde a edi kan so",
  },
};

let language = "en";

export function say(name, ...values) {
  return STRINGS[language][name].replace(/\{(\d)\}/g, (_, place) => values[place]);
}

// Puts the words of a language into every element that names one.
export function use(name) {
  language = name;
  document.documentElement.lang = name;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of document.querySelectorAll("[data-say-label]")) element.setAttribute("aria-label", say(element.dataset.sayLabel));
}
