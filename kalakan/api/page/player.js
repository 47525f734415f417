// Plays 16-bit PCM as it arrives, and knows which moment of it is heard now.
export class Player {
  constructor(rate) {
    this.rate = rate;
    this.context = new AudioContext();
    this.pieces = []; // Int16Array
    this.samples = 0;
    this.plan = []; // {time: seconds of audio, at: seconds of the context}
    this.next = 0;
    this.sources = new Set();
  }

  add(content) {
    const piece = new Int16Array(content);
    const buffer = this.context.createBuffer(1, piece.length, this.rate);
    buffer.getChannelData(0).set(Float32Array.from(piece, (value) => value / 32768));
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    const soonest = this.context.currentTime + 0.04;
    if (this.next < soonest) {
      this.next = soonest;
      this.plan.push({ time: this.samples / this.rate, at: soonest });
    }
    source.start(this.next);
    this.sources.add(source);
    source.onended = () => this.sources.delete(source);
    this.next += piece.length / this.rate;
    this.samples += piece.length;
    this.pieces.push(piece);
  }

  // Seconds of the audio that are heard now.
  get time() {
    const now = this.context.currentTime;
    const step = this.plan.findLast((item) => item.at <= now);
    return step ? Math.min(step.time + now - step.at, this.samples / this.rate) : 0;
  }

  get isOver() { return this.context.currentTime >= this.next; }

  stop() {
    for (const source of this.sources) source.stop();
    this.sources.clear();
    this.context.close();
  }

  // All samples so far.
  get audio() {
    const whole = new Int16Array(this.samples);
    let place = 0;
    for (const piece of this.pieces) { whole.set(piece, place); place += piece.length; }
    return whole;
  }
}

export function wavOf(samples, rate) {
  const header = new DataView(new ArrayBuffer(44));
  const text = (at, letters) => [...letters].forEach((letter, index) => header.setUint8(at + index, letter.charCodeAt(0)));
  text(0, "RIFF"); header.setUint32(4, 36 + samples.byteLength, true); text(8, "WAVEfmt ");
  header.setUint32(16, 16, true); header.setUint16(20, 1, true); header.setUint16(22, 1, true);
  header.setUint32(24, rate, true); header.setUint32(28, rate * 2, true); header.setUint16(32, 2, true);
  header.setUint16(34, 16, true); text(36, "data"); header.setUint32(40, samples.byteLength, true);
  return new Blob([header, samples], { type: "audio/wav" });
}
