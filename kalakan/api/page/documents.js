// Text of .txt, .epub and .docx files, read in the browser: the file itself is never sent anywhere.
const MOST = 50_000_000;

export async function textOf(file) {
  if (file.size > MOST) throw new Error(`> ${MOST / 1e6} MB`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  if (!isZip) return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  const entries = directory(bytes);
  if (entries.has("word/document.xml")) return wordText(await xml(bytes, entries, "word/document.xml"));
  if (entries.has("META-INF/container.xml")) return bookText(bytes, entries);
  throw new Error(".epub, .docx, .txt?");
}

// Entries of a ZIP archive: name -> where its data lie (PKWARE APPNOTE, 4.3).
function directory(bytes) {
  const view = new DataView(bytes.buffer);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) throw new Error("ZIP");
  const entries = new Map();
  let place = view.getUint32(end + 16, true);
  for (let count = view.getUint16(end + 10, true); count > 0; count -= 1) {
    const [name, extra, comment] = [28, 30, 32].map((at) => view.getUint16(place + at, true));
    const title = new TextDecoder().decode(bytes.subarray(place + 46, place + 46 + name));
    entries.set(title, {
      method: view.getUint16(place + 10, true), packed: view.getUint32(place + 20, true),
      size: view.getUint32(place + 24, true), at: view.getUint32(place + 42, true),
    });
    place += 46 + name + extra + comment;
  }
  return entries;
}

async function content(bytes, entries, name) {
  const entry = entries.get(name);
  if (!entry) throw new Error(name);
  if (entry.size > MOST) throw new Error(`${name} > ${MOST / 1e6} MB`);
  const view = new DataView(bytes.buffer);
  const start = entry.at + 30 + view.getUint16(entry.at + 26, true) + view.getUint16(entry.at + 28, true);
  const packed = bytes.subarray(start, start + entry.packed);
  if (entry.method === 0) return packed;
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function xml(bytes, entries, name) {
  const text = new TextDecoder().decode(await content(bytes, entries, name));
  const found = new DOMParser().parseFromString(text, "application/xml");
  if (found.querySelector("parsererror")) return new DOMParser().parseFromString(text, "text/html");
  return found;
}

function wordText(found) {
  const paragraphs = [...found.getElementsByTagName("w:p")];
  return paragraphs.map((item) => [...item.getElementsByTagName("*")].map((part) => {
    if (part.tagName === "w:t") return part.textContent;
    return part.tagName === "w:tab" || part.tagName === "w:br" ? " " : "";
  }).join("")).filter((line) => line.trim()).join("\n\n");
}

async function bookText(bytes, entries) {
  const container = await xml(bytes, entries, "META-INF/container.xml");
  const path = container.getElementsByTagName("rootfile")[0].getAttribute("full-path");
  const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/") + 1) : "";
  const book = await xml(bytes, entries, path);
  const items = new Map([...book.getElementsByTagName("*")].filter((item) => item.localName === "item").map((item) => [item.getAttribute("id"), item.getAttribute("href")]));
  const chapters = [];
  for (const item of [...book.getElementsByTagName("*")].filter((part) => part.localName === "itemref")) {
    const name = new URL(items.get(item.getAttribute("idref")), `http://book/${folder}`).pathname.slice(1);
    const page = await xml(bytes, entries, decodeURIComponent(name));
    const blocks = [...page.querySelectorAll("h1,h2,h3,h4,h5,h6,p,li,blockquote,td,th,dt,dd")].filter((block) => !block.querySelector("p,li,blockquote"));
    chapters.push(blocks.map((block) => block.textContent.replace(/\s+/g, " ").trim()).filter(Boolean).join("\n\n"));
  }
  return chapters.filter(Boolean).join("\n\n");
}
