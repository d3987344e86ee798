//! Work on chunks with all cores, results in file order, a bounded number of chunks in memory.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::{Chunk, Error, Reader};

/// How many chunks per thread may be under way: read, worked on, or waiting for an earlier one.
const WINDOW_PER_THREAD: u64 = 3;

/// As many threads as the machine runs at once.
pub fn all_cores() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Reads the whole table, works on its chunks on `threads` threads and hands the results to `sink`
/// in file order.
///
/// `worker` is called once per thread and makes what works there, so scratch space needs no lock.
/// At most three chunks per thread are in memory. `sink` runs on the calling thread.
///
/// # Errors
///
/// The error of the earliest chunk, be it of reading, of the work or of the sink. Results of all
/// chunks before it have then been handed to `sink`, none after it.
///
/// # Panics
///
/// If `worker` or what it makes panics.
pub fn run<W, T, E>(
    reader: &mut Reader,
    threads: NonZeroUsize,
    worker: impl Fn() -> W + Sync,
    mut sink: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E>
where
    W: FnMut(&Chunk) -> Result<T, E>,
    T: Send,
    E: From<Error> + Send,
{
    let decoder = reader.decoder();
    if threads.get() == 1 {
        let mut work = worker();
        while let Some(block) = reader.next_block()? {
            sink(work(&decoder.decode(&block)?)?)?;
        }
        return Ok(());
    }
    let window = WINDOW_PER_THREAD * threads.get() as u64;
    let source = Mutex::new((reader, 0));
    let shared = Shared::<Result<T, E>>::default();
    thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(|| {
                let _leave = Leave(&shared);
                let mut work = worker();
                loop {
                    let (number, block) = {
                        let mut source = relock(&source);
                        let (reader, next) = &mut *source;
                        if !shared.admit(*next, window) {
                            return;
                        }
                        let number = *next;
                        *next += 1;
                        match reader.next_block() {
                            Ok(Some(block)) => (number, Ok(block)),
                            Ok(None) => return shared.end(number),
                            Err(error) => (number, Err(error)),
                        }
                    };
                    let result = block
                        .and_then(|block| decoder.decode(&block))
                        .map_err(E::from)
                        .and_then(|chunk| work(&chunk));
                    shared.put(number, result);
                }
            });
        }
        let _leave = Leave(&shared);
        while let Some(result) = shared.take() {
            sink(result?)?;
        }
        Ok(())
    })
}

/// What the threads share: finished results that wait for their turn.
struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    finished: BTreeMap<u64, T>,
    /// Number of the next result to hand out.
    next: u64,
    /// How many results there will be, once known.
    count: Option<u64>,
    /// A thread has left before the end; nobody may wait any more.
    stopped: bool,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        let state = State {
            finished: BTreeMap::new(),
            next: 0,
            count: None,
            stopped: false,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }
}

impl<T> Shared<T> {
    /// Waits until chunk `number` fits the window; false when there is nothing more to do.
    fn admit(&self, number: u64, window: u64) -> bool {
        let mut state = relock(&self.state);
        loop {
            if state.stopped || state.count.is_some() {
                return false;
            }
            if number < state.next + window {
                return true;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn put(&self, number: u64, result: T) {
        relock(&self.state).finished.insert(number, result);
        self.changed.notify_all();
    }

    fn end(&self, count: u64) {
        relock(&self.state).count = Some(count);
        self.changed.notify_all();
    }

    /// The next result in order; `None` after the last, or when a worker has stopped.
    fn take(&self) -> Option<T> {
        let mut state = relock(&self.state);
        loop {
            let next = state.next;
            if let Some(result) = state.finished.remove(&next) {
                state.next += 1;
                self.changed.notify_all();
                return Some(result);
            }
            if state.stopped || state.count == Some(next) {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Wakes everybody when a thread leaves early, by an error or a panic.
struct Leave<'a, T>(&'a Shared<T>);

impl<T> Drop for Leave<'_, T> {
    fn drop(&mut self) {
        let mut state = relock(&self.0.state);
        if state.count.is_none() || thread::panicking() {
            state.stopped = true;
        }
        drop(state);
        self.0.changed.notify_all();
    }
}

fn relock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReadOptions;

    fn reader(rows: u64) -> Reader {
        let text: String = std::iter::once("n".to_owned())
            .chain((0..rows).map(|n| n.to_string()))
            .fold(String::new(), |mut text, line| {
                text.push_str(&line);
                text.push('\n');
                text
            });
        let source = Box::new(std::io::Cursor::new(text.into_bytes()));
        Reader::from_csv(source, "numbers".into(), None, ReadOptions::strict()).expect("CSV")
    }

    #[test]
    fn results_come_in_file_order() {
        for threads in [1, 2, 5] {
            let mut seen = Vec::new();
            run(
                &mut reader(300_000),
                NonZeroUsize::new(threads).expect("not zero"),
                || {
                    |chunk: &Chunk| {
                        let rows = chunk.rows();
                        Ok::<Vec<u64>, Error>(
                            rows.iter()
                                .map(|row| row.cell(0).expect("text").parse().expect("number"))
                                .collect(),
                        )
                    }
                },
                |numbers| {
                    seen.extend(numbers);
                    Ok(())
                },
            )
            .expect("no errors");
            assert_eq!(seen, (0..300_000).collect::<Vec<u64>>());
        }
    }

    #[test]
    fn the_earliest_error_wins_and_nothing_follows_it() {
        let mut rows = 0;
        let result = run(
            &mut reader(200_000),
            NonZeroUsize::new(3).expect("not zero"),
            || {
                |chunk: &Chunk| {
                    if chunk.first_row() > 30_000 {
                        Err(Error::MissingRecordId {
                            file: "x".into(),
                            row: chunk.first_row(),
                        })
                    } else {
                        Ok(chunk.len())
                    }
                }
            },
            |count| {
                rows += count;
                Ok(())
            },
        );
        match result {
            Err(Error::MissingRecordId { row, .. }) => assert_eq!(row, rows as u64 + 1),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_in_a_worker_ends_the_run() {
        let result = run(
            &mut reader(200_000),
            NonZeroUsize::new(2).expect("not zero"),
            || {
                |chunk: &Chunk| {
                    assert!(chunk.first_row() < 20_000, "provoked");
                    Ok::<_, Error>(())
                }
            },
            |()| Ok(()),
        );
        drop(result);
    }
}
