use std::fmt::Display;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

/// Where a command speaks: remarks on standard error, unless nothing but errors is wanted, and the
/// figures of its result as data on standard output, if they are.
#[derive(Debug, Default)]
pub struct Console {
    quiet: bool,
    /// What was remarked, for those who want it as data.
    remarks: Mutex<Vec<String>>,
}

impl Console {
    /// The console of a command; `quiet` wants errors only.
    pub fn new(quiet: bool) -> Self {
        Self {
            quiet,
            remarks: Mutex::default(),
        }
    }

    /// Whether nothing but errors and results is wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A remark for a person.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            say(&text);
        }
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        remarks.push(text.to_string());
    }

    /// Prints figures as data, with the remarks made so far under `remarks`.
    ///
    /// # Errors
    ///
    /// Standard output takes no more.
    pub fn data(&self, mut figures: Value) -> io::Result<()> {
        let remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(object) = figures.as_object_mut() {
            object.insert("remarks".to_owned(), Value::from(remarks.clone()));
        }
        let mut output = io::stdout().lock();
        writeln!(output, "{figures:#}")?;
        output.flush()
    }
}

/// A line on standard error. Nothing can be done when even that fails.
pub fn say(text: impl Display) {
    writeln!(io::stderr(), "{text}").unwrap_or_default();
}
