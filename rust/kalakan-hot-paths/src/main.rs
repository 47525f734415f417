//! `kalakan-hot-paths PATH PASSES`: runs a hot path so many times, for `benches/instructions.py`, which counts instructions.
//!
//! What more passes need than one is theirs alone: start-up, tables and empty caches cancel out. Without arguments the
//! paths are listed, after the instructions that decide which code runs.

use std::hint::black_box;
use std::sync::mpsc::channel;
use std::sync::Mutex;

use kalakan_dsp::{
    GriffinLim, MelBank, MelConfig, SourceFilter, SourceFilterConfig, SourceFilterStart, Stft,
    StftConfig,
};
use kalakan_pipeline::{Builder, Mailbox, Order, Patience, Request, StageOptions, Step};
use kalakan_text::normalize::{normalize, NormalizeOptions};
use kalakan_text::sentence::split_sentences;
use kalakan_text::{G2pOptions, Tones, TwiG2p};

const SENTENCES: &str = include_str!("../../../benches/data/sentences.txt");
const SAMPLE_RATE: f64 = 24_000.0;
const HOP: usize = 300;
const FRAMES: usize = 80;
const REQUESTS: u64 = 500;

/// Name of a hot path, and what prepares it: a function that runs one pass.
type Path = (&'static str, fn() -> Box<dyn FnMut()>);

const PATHS: [Path; 9] = [
    ("split", split),
    ("normalize", normalized),
    ("g2p", || reading(0, Tones::Written)),
    ("g2p cached", || reading(8192, Tones::Written)),
    ("tones", || reading(8192, Tones::Predicted)),
    ("log-mel", log_mel),
    ("griffin-lim", griffin_lim),
    ("source-filter", source_filter),
    ("pipeline", pipeline),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let found = match arguments.as_slice() {
        [name, passes] => PATHS
            .iter()
            .find(|(known, _)| known == name)
            .zip(passes.parse::<usize>().ok()),
        _ => None,
    };
    let Some(((_, prepare), passes)) = found else {
        println!("{}", instructions());
        for (name, _) in PATHS {
            println!("{name}");
        }
        return;
    };
    let mut pass = prepare();
    for _ in 0..passes {
        pass();
    }
}

/// What decides which code the crates run: their own at 256 bits, or none.
fn instructions() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
        return "x86_64 with AVX2 and FMA";
    }
    std::env::consts::ARCH
}

fn split() -> Box<dyn FnMut()> {
    let text = SENTENCES.replace('\n', " ");
    Box::new(move || {
        black_box(split_sentences(black_box(&text)));
    })
}

fn normalized() -> Box<dyn FnMut()> {
    let options = NormalizeOptions::default();
    Box::new(move || {
        for sentence in SENTENCES.lines() {
            black_box(normalize(black_box(sentence), &options));
        }
    })
}

fn reading(cache_size: usize, tones: Tones) -> Box<dyn FnMut()> {
    let reader = TwiG2p::new(G2pOptions {
        cache_size,
        tones,
        ..G2pOptions::default()
    });
    let options = NormalizeOptions::default();
    let texts: Vec<String> = SENTENCES
        .lines()
        .map(|sentence| normalize(sentence, &options))
        .collect();
    Box::new(move || {
        for text in &texts {
            black_box(reader.read_ids(black_box(text), None, None, None));
        }
    })
}

fn stft() -> Stft {
    Stft::new(StftConfig {
        n_fft: 1200,
        win_length: 1200,
        hop_length: HOP,
    })
    .expect("sizes that fit")
}

fn tone() -> Vec<f32> {
    (0..FRAMES * HOP)
        .map(|n| (n as f32 * 0.05).sin() * 0.3)
        .collect()
}

fn log_mel() -> Box<dyn FnMut()> {
    let (stft, audio) = (stft(), tone());
    let config = MelConfig {
        sample_rate: SAMPLE_RATE,
        n_mels: 80,
        fmin: 0.0,
        fmax: 12_000.0,
        floor: 1e-5,
    };
    let bank = MelBank::new(config, 1200).expect("bands that fit");
    Box::new(move || {
        black_box(bank.log_mel(&stft, black_box(&audio)).expect("a tone"));
    })
}

fn griffin_lim() -> Box<dyn FnMut()> {
    let stft = stft();
    let spectrum = stft.forward(&tone()).expect("a tone");
    let magnitude: Vec<f32> = spectrum.iter().map(|c| c.norm()).collect();
    let options = GriffinLim {
        n_iter: 4,
        ..GriffinLim::default()
    };
    Box::new(move || {
        black_box(
            options
                .run(&stft, black_box(&magnitude))
                .expect("magnitudes"),
        );
    })
}

fn source_filter() -> Box<dyn FnMut()> {
    let plan = SourceFilter::new(SourceFilterConfig {
        sample_rate: SAMPLE_RATE,
        hop_length: HOP,
        n_fft: 600,
        subframes: 2,
        noise_cut: 9.0,
        noise_cut_below: 4000.0,
        noise_cut_from: 3.0,
    })
    .expect("sizes that fit");
    let filters: Vec<f32> = (0..FRAMES * plan.filter_len())
        .map(|i| (i as f32 * 0.37).sin())
        .collect();
    let f0: Vec<f32> = (0..FRAMES)
        .map(|t| if t % 50 < 15 { 0.0 } else { 180.0 })
        .collect();
    Box::new(move || {
        let audio = plan.render(black_box(&filters), &f0, 0, SourceFilterStart::default());
        black_box(audio.expect("filters that fit"));
    })
}

/// Requests through three stages of one worker.
///
/// How often threads wait for each other is chance, and each time costs instructions. So the worker holds the first
/// request until all have been sent, and the answers are taken when the last request is done.
fn pipeline() -> Box<dyn FnMut()> {
    let (held, is_held) = channel();
    let (release, may_go) = channel();
    let (done, all_done) = channel();
    let may_go = Mutex::new(may_go);
    let options = |name: &str| StageOptions {
        capacity: REQUESTS as usize,
        ..StageOptions::new(name)
    };
    let pass_on = |batch: Vec<u64>| -> Vec<Result<Step<u64>, String>> {
        batch.into_iter().map(|n| Ok(Step::Next(n))).collect()
    };
    let pipeline = Builder::new([1])
        .stage(options("first"), move |batch| {
            if batch == [0] {
                held.send(()).expect("the pass waits for it");
                let may_go = may_go.lock().expect("one worker");
                may_go.recv().expect("the pass sends it");
            }
            pass_on(batch)
        })
        .stage(options("second"), pass_on)
        .stage(options("third"), move |batch| {
            if batch == [REQUESTS - 1] {
                done.send(()).expect("the pass waits for it");
            }
            pass_on(batch)
        })
        .build()
        .expect("options in range");
    Box::new(move || {
        let mailbox = Mailbox::new(Order::FirstDone);
        for n in 0..REQUESTS {
            let sent = pipeline.submit(Request::new(n), Patience::Forever, mailbox.reply(()));
            sent.expect("an open pipeline");
            if n == 0 {
                is_held.recv().expect("the worker sends it");
            }
        }
        release.send(()).expect("the worker waits for it");
        all_done.recv().expect("the worker sends it");
        for _ in 0..REQUESTS {
            black_box(mailbox.take(None));
        }
    })
}
