//! `PhonemeCache`: a bounded, sharded map from a word to its analysis, shared by threads without a global lock.
//!
//! An insertion may be skipped and an entry evicted at any time: the cache affects speed, never results.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use quick_cache::sync::Cache;

/// Longer words are never cached: capacity counts words, so their length has to be bounded too.
const MAX_WORD_BYTES: usize = 64;

/// A bounded, concurrent map from a word to its reading.
pub(crate) struct PhonemeCache<V> {
    words: Option<Cache<Box<str>, Arc<V>>>,
    capacity: usize,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// A snapshot of a cache's counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheInfo {
    /// Cache hits.
    pub hits: u64,
    /// Cache misses.
    pub misses: u64,
    /// Words in the cache.
    pub size: usize,
    /// Capacity in words; 0 means the cache is off.
    pub capacity: usize,
}

impl<V> PhonemeCache<V> {
    /// A cache of at most `capacity` words; 0 turns it off.
    pub fn new(capacity: usize) -> Self {
        let words = (capacity > 0).then(|| Cache::new(capacity));
        Self {
            words,
            capacity,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The value of a word, from the cache or from `compute`.
    pub fn get_or(&self, word: &str, compute: impl FnOnce() -> V) -> Arc<V> {
        let words = self.words.as_ref().filter(|_| word.len() <= MAX_WORD_BYTES);
        if let Some(reading) = words.and_then(|words| words.get(word)) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return reading;
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let reading = Arc::new(compute());
        if let Some(words) = words {
            words.insert(word.into(), Arc::clone(&reading));
        }
        reading
    }

    /// A snapshot of the counters.
    pub fn info(&self) -> CacheInfo {
        CacheInfo {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            size: self.words.as_ref().map_or(0, Cache::len),
            capacity: self.capacity,
        }
    }

    /// Removes all words and resets the counters.
    pub fn clear(&self) {
        if let Some(words) = &self.words {
            words.clear();
        }
        self.hits.store(0, Ordering::Relaxed);
        self.misses.store(0, Ordering::Relaxed);
    }
}
