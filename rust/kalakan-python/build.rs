//! Carries csrc/ into the wheel: maturin takes it from `OUT_DIR` to kalakan/ops/csrc/. Names the text rules by a hash.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kalakan-text");
    let mut hash = FNV_OFFSET;
    for folder in ["src", "data"] {
        hash_folder(&text.join(folder), &mut hash)?;
    }
    println!("cargo:rustc-env=KALAKAN_TEXT_RULES={hash:016x}");
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

/// FNV-1a, 64 bits (Fowler, Noll, Vo): it tells versions apart and needs no library.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// Adds names and contents of all files of a folder to a hash, in the order of their names.
fn hash_folder(folder: &Path, hash: &mut u64) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_type()?.is_dir() {
            hash_folder(&entry.path(), hash)?;
            continue;
        }
        println!("cargo:rerun-if-changed={}", entry.path().display());
        let name = entry.file_name();
        for byte in name
            .to_string_lossy()
            .bytes()
            .chain(fs::read(entry.path())?)
        {
            *hash = (*hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        }
    }
    Ok(())
}
