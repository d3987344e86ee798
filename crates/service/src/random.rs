//! Randomness of the operating system, and the time of day.

use std::time::{SystemTime, UNIX_EPOCH};

use blindjoin_protocol::agree::SessionSecret;
use rand::TryRng;
use rand::rngs::SysRng;

use crate::Error;

/// A fresh session secret.
pub(crate) fn session_secret() -> Result<SessionSecret, Error> {
    Ok(SessionSecret::generate(&mut generator()?))
}

/// A generator for nonces, seeded by the operating system.
pub fn generator() -> Result<rand_chacha::ChaCha20Rng, Error> {
    let mut seed = [0; 32];
    SysRng
        .try_fill_bytes(&mut seed)
        .map_err(|_| Error::Randomness)?;
    Ok(rand::SeedableRng::from_seed(seed))
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}
