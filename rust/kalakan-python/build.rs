//! Carries csrc/ into the wheel: maturin takes it from `OUT_DIR` to kalakan/ops/csrc/.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../csrc");
    println!("cargo:rerun-if-changed={}", sources.display());
    let Some(target) = env::var_os("OUT_DIR").map(|folder| PathBuf::from(folder).join("csrc"))
    else {
        return Err(io::Error::other("cargo did not set OUT_DIR"));
    };
    // What was removed from csrc/ must not stay in the wheel.
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    fs::create_dir_all(&target)?;
    for entry in fs::read_dir(&sources)? {
        let path = entry?.path();
        println!("cargo:rerun-if-changed={}", path.display());
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            fs::copy(&path, target.join(name))?;
        }
    }
    Ok(())
}
