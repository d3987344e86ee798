//! Tables on a command line: options that every command reads alike.

use std::path::Path;

use blindjoin_record::Encoding;
use clap::Args;

use crate::{Error, Format, ReadOptions};

/// How the tables of a command are read.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Input")]
pub struct InputOptions {
    /// Format of the input, if its name does not say it
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// What separates the cells of CSV input, such as ; or | or tab [default: a comma; in .tsv, tab]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub delimiter: Option<u8>,
    /// How CSV input is encoded, such as windows-1252 or utf-16 [default: what the rules file
    /// says of its input, else UTF-8]
    #[arg(long, value_name = "NAME", value_parser = encoding)]
    pub encoding: Option<Encoding>,
}

impl InputOptions {
    /// The same options of reading, but for what the command line says.
    #[must_use]
    pub fn over(self, options: ReadOptions) -> ReadOptions {
        options
            .with_format(self.format)
            .with_delimiter(self.delimiter)
            .with_encoding(self.encoding.or(options.encoding))
    }
}

/// How the outputs of a command are written.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputOptions {
    /// Format of the output, if its name does not say it
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub out_format: Option<Format>,
    /// Replace existing files
    #[arg(long)]
    pub force: bool,
}

impl OutputOptions {
    /// The format of an output.
    ///
    /// # Errors
    ///
    /// As [`Format::of_output`].
    pub fn format(self, path: &Path) -> Result<Format, Error> {
        Format::of_output(path, self.out_format)
    }
}

/// Reads the name of an encoding.
fn encoding(name: &str) -> Result<Encoding, String> {
    let known = || Encoding::ALL.map(Encoding::name).join(", ");
    Encoding::from_name(name).ok_or_else(|| format!("must be one of {}", known()))
}

/// Reads what separates the cells of a file: a character, or `tab`.
fn delimiter(text: &str) -> Result<u8, String> {
    let special = |byte: u8| byte.is_ascii_alphanumeric() || b"\"\r\n".contains(&byte);
    match text.as_bytes() {
        _ if text.eq_ignore_ascii_case("tab") || text == "\\t" => Ok(b'\t'),
        &[byte] if byte.is_ascii() && !special(byte) => Ok(byte),
        _ => Err("must be one character such as ; or |, or tab".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_decides_how_a_file_is_encoded_and_else_its_rules() {
        let rules = ReadOptions::strict().with_encoding(Some(Encoding::Latin2));
        let encoding = |encoding| {
            let options = InputOptions {
                encoding,
                ..InputOptions::default()
            };
            options.over(rules).encoding
        };
        assert_eq!(encoding(None), Some(Encoding::Latin2));
        assert_eq!(encoding(Some(Encoding::Utf16)), Some(Encoding::Utf16));
        assert_eq!(super::encoding("UTF-16"), Ok(Encoding::Utf16));
        let error = super::encoding("ebcdic").unwrap_err();
        assert!(error.contains("windows-1252, "), "{error}");
    }

    #[test]
    fn delimiters_are_single_characters() {
        for (text, byte) in [
            (";", b';'),
            ("|", b'|'),
            (",", b','),
            (" ", b' '),
            ("\t", b'\t'),
            ("tab", b'\t'),
            ("\\t", b'\t'),
        ] {
            assert_eq!(delimiter(text), Ok(byte));
        }
        for bad in ["", ";;", "\"", "\n", "a", "0", "§"] {
            assert!(delimiter(bad).is_err(), "{bad}");
        }
    }
}
