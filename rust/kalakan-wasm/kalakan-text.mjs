// The text core of Kalakan in JavaScript: converts Twi text to words, sentences and phonemes, without a server.
//
//     import { load } from "./kalakan-text.mjs";
//     const text = await load(await fetch("kalakan_text_wasm.wasm"));
//     text.normalize("GHS 25");

/** Loads the text core from a WebAssembly module, given as a fetch response or as bytes. */
export async function load(source) {
  const bytes = typeof source.arrayBuffer === "function" ? await source.arrayBuffer() : source;
  const { instance } = await WebAssembly.instantiate(bytes, {});
  return new TextCore(instance.exports);
}

class TextCore {
  #core;

  constructor(core) {
    this.#core = core;
  }

  /** Returns the text as lower-case words and pause marks, with numbers, money, dates and the like written out. */
  normalize(text) {
    return decoded(this.#call(this.#core.normalized, text));
  }

  /** Returns the phonemes as symbols of the phoneme table. tones is "predicted" or "written". */
  phonemes(text, tones = "predicted") {
    return decoded(this.#call(this.#core.phonemes, text, isPredicted(tones))).split(" ").filter(Boolean);
  }

  /** Returns the phonemes as rows of the phoneme table: the input `phonemes` of an exported acoustic model. */
  phonemeIds(text, tones = "predicted") {
    return Array.from(this.#call(this.#core.phoneme_ids, text, isPredicted(tones)));
  }

  /** Returns the sentences as written. */
  sentences(text) {
    const bytes = this.#call(this.#core.sentences, text);
    const sizes = new DataView(bytes.buffer);
    const found = [];
    for (let place = 0; place < bytes.length; ) {
      const end = place + 4 + sizes.getUint32(place, true);
      found.push(decoded(bytes.subarray(place + 4, end)));
      place = end;
    }
    return found;
  }

  #call(work, text, ...more) {
    if (typeof text !== "string") {
      throw new TypeError(`the text is a ${typeof text}; it must be a string`);
    }
    const bytes = new TextEncoder().encode(text);
    const place = this.#core.allocate(bytes.length);
    if (place === 0) {
      throw new RangeError(`there is no memory for a text of ${bytes.length} bytes`);
    }
    let result;
    try {
      new Uint8Array(this.#core.memory.buffer, place, bytes.length).set(bytes);
      result = work(place, bytes.length, ...more);
    } finally {
      this.#core.release(place, bytes.length);
    }
    if (result === 0) {
      throw new RangeError("there is no memory for the result");
    }
    const size = new DataView(this.#core.memory.buffer).getUint32(result, true);
    const found = new Uint8Array(this.#core.memory.buffer, result + 4, size).slice();
    this.#core.release_result(result);
    return found;
  }
}

function decoded(bytes) {
  return new TextDecoder().decode(bytes);
}

function isPredicted(tones) {
  if (tones !== "predicted" && tones !== "written") {
    throw new RangeError(`tones is ${JSON.stringify(tones)}; it must be "predicted" or "written"`);
  }
  return tones === "predicted" ? 1 : 0;
}
