//! The excitation of a source-filter vocoder: band-limited pulses at F0, and white noise.

use std::f64::consts::PI;

/// Samples of the noise table; it repeats after 2.7 s at 24 kHz.
pub(crate) const NOISE_SIZE: usize = 65_536;
/// Highest F0 in Hz; higher values are clamped.
const MAX_F0: f64 = 1000.0;
/// Half width in samples of the windowed sinc that represents one pulse.
const TAPS: i32 = 8;

/// White noise of unit power, uniform: the hash `lowbias32` (C. Wellons, 2018) of the sample's index.
pub(crate) fn noise_table() -> Vec<f32> {
    (1..=NOISE_SIZE as u32)
        .map(|index| {
            let level = f64::from(mix(index) >> 8);
            (((level + 0.5) / f64::from(1 << 23) - 1.0) * 3.0_f64.sqrt()) as f32
        })
        .collect()
}

fn mix(x: u32) -> u32 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x7FEB_352D);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846C_A68B);
    x ^ (x >> 16)
}

/// Pulses of unit power at the F0 of frames, silent where it is 0: the first `length` samples of a sentence.
///
/// A pulse occurs where the accumulated phase, in cycles from `start` on, passes an integer; the phase stays constant
/// through unvoiced frames.
pub(crate) fn pulses(
    f0: &[f32],
    sample_rate: f64,
    hop: usize,
    length: usize,
    start: f64,
) -> Vec<f32> {
    let total = f0.len() * hop;
    let mut train = vec![0.0_f32; length.min(total)];
    // A pulse starts up to TAPS samples before its position.
    let frames = (length + TAPS as usize).div_ceil(hop).min(f0.len());
    let mut phase = start;
    let mut whole = start.floor();
    for frame in (0..frames).filter(|&frame| f0[frame] > 0.0) {
        let [before, own, after] = neighbors(f0, frame);
        for n in 0..hop {
            let offset = n as f64 / hop as f64 - 0.5;
            let other = if offset < 0.0 { before } else { after };
            let step = (own + offset.abs() * (other - own)) / sample_rate;
            phase += step;
            if phase >= whole + 1.0 {
                whole = phase.floor();
                let age = ((phase - whole) / step).clamp(1e-6, 1.0);
                add_pulse(&mut train, frame * hop + n, age, 1.0 / step.sqrt());
            }
        }
    }
    train
}

/// F0 in Hz of the frame before, of a voiced frame and of the one after it; an unvoiced neighbor has the frame's own.
fn neighbors(f0: &[f32], frame: usize) -> [f64; 3] {
    let own = f64::from(f0[frame]).min(MAX_F0);
    [
        frame.saturating_sub(1),
        frame,
        (frame + 1).min(f0.len() - 1),
    ]
    .map(|at| {
        let value = f64::from(f0[at]).min(MAX_F0);
        if value > 0.0 {
            value
        } else {
            own
        }
    })
}

/// Adds a Hann-windowed sinc centered `age` samples before sample `n`.
fn add_pulse(train: &mut [f32], n: usize, age: f64, height: f64) {
    let top = (PI * age).sin() / PI;
    for tap in -TAPS..TAPS {
        let Some(sample) = n
            .checked_add_signed(tap as isize)
            .and_then(|at| train.get_mut(at))
        else {
            continue;
        };
        let distance = age + f64::from(tap);
        let bell = (distance * (0.5 * PI / f64::from(TAPS))).cos();
        let sign = if tap % 2 == 0 { 1.0 } else { -1.0 };
        *sample += (sign * top / distance * bell * bell * height) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_white_and_of_unit_power() {
        let noise = noise_table();
        let mean = |f: &dyn Fn(usize) -> f32| -> f32 { (0..60_000).map(f).sum::<f32>() / 60_000.0 };
        assert!((mean(&|i| noise[i] * noise[i]) - 1.0).abs() < 0.02);
        for lag in [1, 2, 3, 50, 300] {
            assert!(mean(&|i| noise[i] * noise[i + lag]).abs() < 0.02);
        }
    }

    #[test]
    fn pulses_have_unit_power_and_the_period_of_f0() {
        let train = pulses(&[200.0; 80], 24_000.0, 300, 24_000, 0.0);
        let power = train.iter().map(|x| x * x).sum::<f32>() / 24_000.0;
        assert!((power - 0.95).abs() < 0.05, "{power}");
        let shifted: f32 = train.iter().zip(&train[120..]).map(|(a, b)| a * b).sum();
        assert!(shifted / 24_000.0 > 0.85);
    }

    #[test]
    fn unvoiced_and_extreme_f0_stay_finite() {
        assert!(pulses(&[0.0; 4], 24_000.0, 300, 1200, 0.0)
            .iter()
            .all(|x| *x == 0.0));
        for f0 in [-5.0, 1e-20, 1.0, 1e9] {
            assert!(pulses(&[f0; 4], 24_000.0, 300, 1200, 0.0)
                .iter()
                .all(|x| x.is_finite()));
        }
    }
}
