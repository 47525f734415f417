//! exp, sin and cos of single precision without branches, so that loops over them become SIMD.
//!
//! Cody-Waite range reduction and polynomials (W. Cody and W. Waite, "Software manual for the elementary functions",
//! 1980): relative error of `exp` and absolute error of `sin_cos` below 2e-7 for |x| < 1e4.

/// Added and subtracted again, it rounds a float to the nearest whole number.
const ROUND: f32 = 12_582_912.0;

/// e^x, x from -87 to 88; clamped beyond.
#[inline(always)]
#[allow(clippy::excessive_precision, clippy::approx_constant)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_375 + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4_f32;
    for c in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        0.166_666_65,
        0.5,
    ] {
        p = p * r + c;
    }
    let mantissa = p * r * r + r + 1.0;
    // The low bits of `shifted` are n; times 2^n is an addition to the exponent.
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()) << 23;
    f32::from_bits(mantissa.to_bits().wrapping_add(exponent))
}

/// Sine and cosine of x.
#[inline(always)]
#[allow(clippy::excessive_precision, clippy::approx_constant)]
pub(crate) fn sin_cos(x: f32) -> (f32, f32) {
    let shifted = x * std::f32::consts::FRAC_2_PI + ROUND;
    let n = shifted - ROUND;
    let quadrant = shifted.to_bits().wrapping_sub(ROUND.to_bits());
    let r = x - n * 1.570_312_5 - n * 4.837_512_97e-4 - n * 7.549_789_95e-8;
    let s = r * r;
    let sin = r + r * s * (-0.166_666_55 + s * (8.332_160_9e-3 - s * 1.951_529_6e-4));
    let cos = 1.0 - 0.5 * s + s * s * (4.166_664_6e-2 + s * (-1.388_731_6e-3 + s * 2.443_315_7e-5));
    let swap = quadrant & 1 == 1;
    let (sine, cosine) = if swap { (cos, sin) } else { (sin, cos) };
    let flip = |value: f32, bit: u32| f32::from_bits(value.to_bits() ^ ((bit & 2) << 30));
    (flip(sine, quadrant), flip(cosine, quadrant.wrapping_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_double_precision() {
        for i in -8700..=8800 {
            let x = i as f32 * 0.01;
            let error = f64::from(exp(x)) / f64::from(x).exp() - 1.0;
            assert!(error.abs() < 3e-7, "{x} {error}");
        }
        assert!(exp(-1e30) > 0.0 && exp(1e30).is_finite());
    }

    #[test]
    fn sin_cos_agree_with_double_precision() {
        for i in -100_000..=100_000 {
            let x = i as f32 * 0.0123;
            let (sin, cos) = sin_cos(x);
            assert!((f64::from(sin) - f64::from(x).sin()).abs() < 3e-7, "{x}");
            assert!((f64::from(cos) - f64::from(x).cos()).abs() < 3e-7, "{x}");
        }
    }
}
