//! Hexadecimal digits and base64, appended to texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}

/// The lower-case hexadecimal digits of a hash, as ASCII bytes.
pub(crate) fn hex32(hash: &[u8; 32]) -> [u8; 64] {
    let mut out = [0; 64];
    for (pair, byte) in out.chunks_exact_mut(2).zip(hash) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    out
}

/// Appends the standard base64 of at most [`LONGEST`] bytes, padded.
pub(crate) fn push_base64(bytes: &[u8], out: &mut String) {
    let mut text = [0; LONGEST.div_ceil(3) * 4];
    let length = STANDARD
        .encode_slice(bytes, &mut text)
        .expect("the text has room for the longest input");
    push_ascii(&text[..length], out);
}

pub(crate) fn push_ascii(text: &[u8], out: &mut String) {
    out.push_str(std::str::from_utf8(text).expect("digits and base64 are ASCII"));
}

/// Decodes standard base64 with its padding into `out`, and yields how many bytes it is.
pub(crate) fn base64_into(text: &str, out: &mut [u8]) -> Option<usize> {
    STANDARD.decode_slice(text, out).ok()
}

/// The longest input of [`push_base64`].
pub(crate) const LONGEST: usize = 96;

const DIGITS: &[u8; 16] = b"0123456789abcdef";
