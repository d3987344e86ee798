//! Logs on stderr: what happened, with sizes and times, never a secret or a field's content.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The environment variable that selects what is logged, such as `debug` or `blindjoin=trace`.
pub const VARIABLE: &str = "BLINDJOIN_LOG";

/// Starts logging to stderr; a second call in a process changes nothing.
pub fn start(default: LevelFilter) {
    let filter = EnvFilter::builder()
        .with_default_directive(default.into())
        .with_env_var(VARIABLE)
        .from_env_lossy();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    // Another subscriber is in place already: a test, or the three parties of a demonstration.
    if subscriber.try_init().is_err() {}
}
