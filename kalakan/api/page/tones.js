// Words with their tones as letters that can be pressed, and the corrections that come of it.
import { say } from "./strings.js";

const MARKS = { "\u0301": "high", "\u0300": "low", "\u0304": "downstepped" };
const ORDER = ["\u0301", "\u0300", "\u0304", ""];
const LETTERS = "aeiouɛɔAEIOUƐƆ";
export const corrections = new Map(); // word -> its form with marks

// The letters of a word, each with its tone mark.
function lettersOf(form) {
  return [...form.normalize("NFD").matchAll(/(\P{M})(\p{M}*)/gu)].map(([, letter, marks]) => {
    const tone = [...marks].find((mark) => mark in MARKS) ?? "";
    return { letter, tone, other: marks.replace(tone, "") };
  });
}

export function show(place, decisions, onChange) {
  place.replaceChildren(...decisions.map((decision) => {
    const word = decision.word.normalize("NFC");
    const letters = lettersOf(corrections.get(word) ?? decision.form);
    const box = document.createElement("span");
    box.className = corrections.has(word) ? "word mine" : "word";
    box.title = [decision.rule, decision.confidence, decision.source].filter(Boolean).join(", ");
    letters.forEach((item, index) => {
      const shown = (item.letter + item.other + item.tone).normalize("NFC");
      if (!LETTERS.includes(item.letter) && !item.tone) { box.append(shown); return; }
      const key = document.createElement("button");
      key.type = "button";
      key.textContent = shown;
      key.setAttribute("aria-label", `${item.letter}, ${word}: ${say(MARKS[item.tone] ?? "unmarked")}`);
      key.addEventListener("click", () => {
        item.tone = ORDER[(ORDER.indexOf(item.tone) + 1) % ORDER.length];
        corrections.set(word, letters.map((part) => part.letter + part.other + part.tone).join("").normalize("NFC"));
        onChange(word, [...place.children].indexOf(box), index);
      });
      box.append(key);
    });
    return box;
  }));
}

// The text with its corrected words: whole words, whatever their capitals.
export function corrected(text) {
  let found = text;
  for (const [word, form] of corrections) {
    const pattern = new RegExp(`(?<![\\p{L}\\p{M}])${word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?![\\p{L}\\p{M}])`, "giu");
    found = found.replace(pattern, (was) => (was[0] === was[0].toLowerCase() ? form : form[0].toUpperCase() + form.slice(1)));
  }
  return found;
}

// The corrections as a file for `--lexicon`: a word, a tab, = and its respelling.
export function lexicon() {
  return [...corrections].map(([word, form]) => `${word}\t=${form}\n`).join("");
}
