//! Records as streams of Arrow batches: CSV and Parquet files in, whole files out.
//!
//! A [`Reader`] yields a table's header at once and its rows as [`Chunk`]s: Arrow record batches of
//! nullable text columns, about [`ROWS_PER_CHUNK`] rows each, in file order and in bounded memory.
//! [`pipeline::run`] works on the chunks with all cores and keeps their order. A [`TableWriter`]
//! takes rows to an [`Output`], which appears under its name whole or not at all.
//!
//! ```
//! use blindjoin_columnar::{ReadOptions, Reader};
//!
//! let text = "id,name\n1,\"García, Ana\"\n2,\n";
//! let source = Box::new(std::io::Cursor::new(text));
//! let mut reader = Reader::from_csv(source, "people".into(), None, ReadOptions::strict())?;
//! assert_eq!(reader.columns(), ["id", "name"]);
//! let chunk = reader.next().expect("two rows")?;
//! assert_eq!(chunk.rows().row(0).cell(1), Some("García, Ana"));
//! assert_eq!(chunk.rows().row(1).cell(1), Some(""));
//! # Ok::<(), blindjoin_columnar::Error>(())
//! ```
//!
//! [`Population::read`] does all of it for the equi-join: it checks the record ids, and hands over every
//! record whole, as a [`Signer`](blindjoin_linkage::Signer) makes it.
//!
//! Reading is strict. Text that is no UTF-8, a quotation mark that is never closed, a row of another
//! width than the header's: each is an error with the row's number and line, and never with content.
//! Rows are numbered from 1; the header and blank lines do not count.
//!
//! # What it accepts
//!
//! CSV as in RFC 4180 with LF, CRLF or CR line ends, blank lines skipped, and a UTF-8 byte order
//! mark skipped with a [`Note`]. A quotation mark opens a quoted cell only as a cell's first
//! character; elsewhere it is text. Parquet columns of every primitive type, as text.
#![forbid(unsafe_code)]

#[cfg(feature = "clap")]
mod arguments;
mod bind;
mod card;
mod chunk;
mod content;
mod csv;
mod error;
mod format;
mod guard;
mod ids;
mod input;
mod output;
mod parquet;
pub mod pipeline;
mod reader;
mod rules;
mod sign;
mod stream;
mod unfinished;
mod widen;
mod writer;

#[cfg(feature = "clap")]
pub use arguments::{InputOptions, OutputOptions};
pub use bind::Bound;
pub use card::CardWriter;
pub use chunk::{Chunk, Row, Rows};
pub use content::Content;
pub use csv::Ragged;
pub use error::{Error, RowFault};
pub use format::Format;
pub use guard::is_guarded;
pub use ids::RecordIds;
pub use input::Input;
pub use output::{Output, Outputs};
pub use reader::{Block, Decoder, Note, ROWS_PER_CHUNK, ReadOptions, Reader};
pub use rules::{is_rule_set_name, load_rules, today};
pub use sign::Population;
pub use unfinished::abandon_outputs;
pub use widen::{check_copy, widen};
pub use writer::{Buffers, Header, OutputColumn, Quoting, RowBuffer, TableWriter};
