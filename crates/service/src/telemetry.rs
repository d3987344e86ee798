//! Logs on stderr: what happened, with sizes and times, never a secret or a field's content.

use tracing::warn;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The environment variable that selects what is logged, such as `debug` or `blindjoin=trace`.
pub const VARIABLE: &str = "BLINDJOIN_LOG";

/// Starts logging to stderr; a second call in a process changes nothing. What [`VARIABLE`] holds and
/// nobody understands is warned of and passed over.
pub fn start(default: LevelFilter) {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    let filter = |text: &str| {
        let builder = EnvFilter::builder().with_default_directive(default.into());
        if is_understood(text) {
            builder.parse(text).ok()
        } else {
            None
        }
    };
    let (filter, unclear) = match filter(&wanted) {
        Some(filter) => (filter, false),
        None => (EnvFilter::new(default.to_string()), true),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    // Another subscriber may be in place already: a test, or the three parties of a demonstration.
    if subscriber.try_init().is_ok() && unclear {
        warn!(
            "{VARIABLE} holds nothing that is understood; it may be error, warn, info, debug or trace, or say so \
             of a part, as in blindjoin_service=debug"
        );
    }
}

/// Whether a text says what is to be logged: a word that is no level would be taken for the name of a
/// part, of which nothing is ever logged.
fn is_understood(text: &str) -> bool {
    let parts = text.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .all(|part| part.parse::<LevelFilter>().is_ok() || part.contains(['=', '[', ':', '_']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_no_levels_are_not_taken_for_names() {
        for good in [
            "",
            "debug",
            "WARN",
            "info,tonic=off",
            "blindjoin_service",
            "[session]=trace",
        ] {
            assert!(is_understood(good), "{good}");
        }
        for bad in ["banana", "loud", "info,verbos"] {
            assert!(!is_understood(bad), "{bad}");
        }
    }
}
