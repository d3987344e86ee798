use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::console::say;

/// What is done at an interruption, while this lives on.
#[derive(Debug)]
pub struct Interruptions {
    released: Arc<AtomicBool>,
}

/// Ends the process at SIGINT and SIGTERM from now on, after `clean_up`, with code 128 and the
/// signal's number; `name` is the program's.
///
/// `clean_up` runs on a thread of its own while everything else goes on.
///
/// # Errors
///
/// What the system says where it lends neither a thread nor a place for the signals.
pub fn on_interruption(
    name: &'static str,
    clean_up: impl FnOnce() + Send + 'static,
) -> io::Result<Interruptions> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let released = Arc::new(AtomicBool::new(false));
    // Before the thread starts, so that no signal is early.
    let (interrupt, terminate) = {
        let _entered = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    let seen = Arc::clone(&released);
    thread::Builder::new()
        .name("interruptions".to_owned())
        .spawn(move || {
            let number = runtime.block_on(first_of(interrupt, terminate));
            if seen.load(Ordering::SeqCst) {
                return;
            }
            clean_up();
            say(format_args!("{name}: interrupted"));
            end(number);
        })?;
    Ok(Interruptions { released })
}

impl Interruptions {
    /// From now on signals are somebody else's affair, such as a server's that ends at leisure.
    pub fn release(self) {
        self.released.store(true, Ordering::SeqCst);
    }
}

/// The number of the signal that comes first.
async fn first_of(mut interrupt: Signal, mut terminate: Signal) -> u8 {
    tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
    }
}

#[expect(
    clippy::exit,
    reason = "the other threads are at work and would not end before it is done"
)]
fn end(number: u8) {
    std::process::exit(128 + i32::from(number));
}
