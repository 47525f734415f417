//! Plain scoped threads: nothing outlives a call, so a process may fork at any time.

use std::thread;

/// Calls `work(index, item, state)` for every item, each thread on a contiguous run with its own state.
///
/// With a single state everything runs on the calling thread.
pub(crate) fn for_each<T: Send, S: Send>(
    items: &mut [T],
    states: &mut [S],
    work: impl Fn(usize, &mut T, &mut S) + Sync,
) {
    let run = items.len().div_ceil(states.len().max(1)).max(1);
    let mut parts = items.chunks_mut(run).zip(states).enumerate();
    let work = &work;
    let go = move |(part, (items, state)): (usize, (&mut [T], &mut S))| {
        for (index, item) in items.iter_mut().enumerate() {
            work(part * run + index, item, state);
        }
    };
    thread::scope(|scope| {
        let first = parts.next();
        for part in parts {
            scope.spawn(move || go(part));
        }
        if let Some(part) = first {
            go(part);
        }
    });
}
