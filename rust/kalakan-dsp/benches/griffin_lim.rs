//! cargo bench -p kalakan-dsp: ten seconds of Griffin-Lim, of source-filter synthesis and of log-mel, at one thread.
//!
//! The least of many turns is what the work takes; the median tells how busy the machine was.

use std::time::Instant;

use kalakan_dsp::{
    GriffinLim, MelBank, MelConfig, SourceFilter, SourceFilterConfig, SourceFilterStart, Stft,
    StftConfig,
};

const SAMPLE_RATE: f64 = 24_000.0;
const SECONDS: usize = 10;
const LEAST_TURNS: usize = 15;
const LEAST_SECONDS: u64 = 2;

fn main() {
    griffin_lim(1200, 300);
    griffin_lim(1024, 256);
    source_filter();
    log_mel();
}

fn griffin_lim(n_fft: usize, hop_length: usize) {
    let stft = plan(n_fft, hop_length);
    let spectrum = stft.forward(&tone()).expect("ten seconds of a tone");
    let magnitude: Vec<f32> = spectrum.iter().map(|c| c.norm()).collect();
    report(&format!("Griffin-Lim {n_fft}/{hop_length}"), || {
        GriffinLim::default()
            .run(&stft, &magnitude)
            .expect("magnitudes")
    });
}

fn source_filter() {
    let plan = SourceFilter::new(SourceFilterConfig {
        sample_rate: SAMPLE_RATE,
        hop_length: 300,
        n_fft: 600,
        subframes: 2,
        noise_cut: 9.0,
        noise_cut_below: 4000.0,
        noise_cut_from: 3.0,
    })
    .expect("sizes that fit");
    let frames = SECONDS * 80;
    let filters: Vec<f32> = (0..frames * plan.filter_len())
        .map(|i| (i as f32 * 0.37).sin())
        .collect();
    let f0: Vec<f32> = (0..frames)
        .map(|t| if t % 50 < 15 { 0.0 } else { 180.0 })
        .collect();
    report("source-filter 600/150", || {
        plan.render(&filters, &f0, 0, SourceFilterStart::default())
            .expect("filters that fit")
    });
}

fn log_mel() {
    let (stft, audio) = (plan(1200, 300), tone());
    let config = MelConfig {
        sample_rate: SAMPLE_RATE,
        n_mels: 80,
        fmin: 0.0,
        fmax: 12_000.0,
        floor: 1e-5,
    };
    let bank = MelBank::new(config, 1200).expect("bands that hold bins");
    report("log-mel 1200/300", || {
        bank.log_mel(&stft, &audio).expect("audio")
    });
}

fn plan(n_fft: usize, hop_length: usize) -> Stft {
    Stft::new(StftConfig {
        n_fft,
        win_length: n_fft,
        hop_length,
    })
    .expect("sizes that fit")
}

fn tone() -> Vec<f32> {
    let samples = SECONDS * SAMPLE_RATE as usize;
    let phase = |n: usize| n as f32 * 0.04 + 50.0 * (n as f32 / 5000.0).sin();
    (0..samples)
        .map(|n| {
            (1..20)
                .map(|k| 0.1 * (k as f32 * phase(n)).sin() / k as f32)
                .sum()
        })
        .collect()
}

/// Times `work` for a second or more, in turns short enough that some are not disturbed.
fn report<T>(name: &str, work: impl Fn() -> T) {
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < LEAST_TURNS || start.elapsed().as_secs() < LEAST_SECONDS {
        let turn = Instant::now();
        drop(work());
        times.push(turn.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    println!(
        "{name:24} least {:7.2} ms  median {median:7.2} ms",
        times[0]
    );
}
