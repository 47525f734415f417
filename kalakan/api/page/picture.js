// Draws the last seconds of audio as a waveform with its pitch on top.
const SHOWN_S = 12;
const LOW_HZ = 60;
const HIGH_HZ = 400;

export function draw(canvas, samples, rate, now) {
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  const total = samples.length / rate;
  const shown = Math.min(SHOWN_S, Math.max(total, 0.5));
  const start = Math.max(0, Math.min(total - shown, now - shown / 2));
  const per = (shown * rate) / width;
  context.fillStyle = style.getPropertyValue("--wave");
  for (let x = 0; x < width; x += 1) {
    const first = Math.floor(start * rate + x * per);
    let peak = 0;
    for (let place = first; place < first + per && place < samples.length; place += 4) peak = Math.max(peak, Math.abs(samples[place]));
    const tall = Math.max(1, (peak / 32768) * height * 0.95);
    context.fillRect(x, (height - tall) / 2, 1, tall);
  }
  context.fillStyle = style.getPropertyValue("--pitch");
  const dot = Math.max(5, (3 * width) / canvas.clientWidth);
  for (let time = start; time < start + shown; time += 0.02) {
    const hz = pitch(samples, rate, time);
    if (!hz) continue;
    const y = height * (1 - Math.log(hz / LOW_HZ) / Math.log(HIGH_HZ / LOW_HZ));
    context.fillRect(((time - start) / shown) * width - dot / 2, y - dot / 2, dot, dot);
  }
  context.fillStyle = style.getPropertyValue("--ink");
  context.fillRect(((now - start) / shown) * width, 0, dot / 2, height);
}

const known = new Map();

// F0 in Hz at a time, 0 where there is none: the peak of the normalized autocorrelation of 40 ms.
function pitch(samples, rate, time) {
  const key = Math.round(time * 50);
  if (known.has(key)) return known.get(key);
  const step = Math.max(1, Math.round(rate / 8000));
  const size = Math.round((0.04 * rate) / step);
  const from = Math.round((key / 50) * rate);
  if (from + 2 * size * step > samples.length) return 0;
  const piece = Float32Array.from({ length: 2 * size }, (_, place) => samples[from + place * step] / 32768);
  const slow = rate / step;
  let best = 0.55;
  let lagOfBest = 0;
  let power = 0;
  for (let place = 0; place < size; place += 1) power += piece[place] ** 2;
  if (power / size > 1e-5) {
    for (let lag = Math.floor(slow / HIGH_HZ); lag <= slow / LOW_HZ && lag < size; lag += 1) {
      let product = 0;
      let other = 0;
      for (let place = 0; place < size; place += 1) { product += piece[place] * piece[place + lag]; other += piece[place + lag] ** 2; }
      const likeness = product / Math.sqrt(power * other + 1e-9);
      if (likeness > best + 0.02) { best = likeness; lagOfBest = lag; }
    }
  }
  const hz = lagOfBest ? slow / lagOfBest : 0;
  known.set(key, hz);
  return hz;
}

export function forget() { known.clear(); }
