//! Messages with a canonical encoding.

use blindjoin_protocol::Error;

/// Reads a message and writes it again: the same bytes, and the same message from them.
pub(crate) fn canonical<T: PartialEq + std::fmt::Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, Error>,
    encode: impl Fn(&T) -> Vec<u8>,
) -> Option<T> {
    let message = decode(bytes).ok()?;
    let written = encode(&message);
    assert_eq!(written, bytes, "there is one encoding");
    assert_eq!(decode(&written).as_ref(), Ok(&message));
    Some(message)
}
