use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many outputs a run has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Siblings(Arc<AtomicUsize>);

impl Siblings {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn are_several(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}

/// An output whose reader may have seen enough before its end.
///
/// Where it is the only one, that is the error that ends the run: nobody wants the rest. Where a run
/// has others, it would end without these; so the rest is thrown away, and the run goes on for them.
#[derive(Debug)]
pub(crate) struct Stream<W> {
    inner: W,
    siblings: Siblings,
    /// Whether its reader has gone.
    unread: bool,
}

impl<W: Write> Stream<W> {
    pub(crate) fn new(inner: W, siblings: Siblings) -> Self {
        Self {
            inner,
            siblings,
            unread: false,
        }
    }

    fn unless_unread<T>(&mut self, done: io::Result<T>, instead: T) -> io::Result<T> {
        match done {
            Err(error) if error.kind() == ErrorKind::BrokenPipe && self.siblings.are_several() => {
                self.unread = true;
                Ok(instead)
            }
            done => done,
        }
    }
}

impl<W: Write> Write for Stream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.unread {
            return Ok(bytes.len());
        }
        let written = self.inner.write(bytes);
        self.unless_unread(written, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.unread {
            return Ok(());
        }
        let flushed = self.inner.flush();
        self.unless_unread(flushed, ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_gone_ends_the_only_output_and_no_other() {
        for outputs in 1..=2 {
            let (reader, writer) = io::pipe().expect("a pipe");
            drop(reader);
            let siblings = Siblings::default();
            (0..outputs).for_each(|_| siblings.add());
            let mut stream = Stream::new(writer, siblings);
            let kinds = [(); 2].map(|()| stream.write(b"abc").map_err(|error| error.kind()));
            let expected = if outputs == 1 {
                Err(ErrorKind::BrokenPipe)
            } else {
                Ok(3)
            };
            assert_eq!(kinds, [expected; 2], "{outputs}");
            assert!(stream.flush().is_ok());
        }
    }
}
