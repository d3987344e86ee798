//! A party's identity: an Ed25519 key, its X.509 certificate, and the authority that issued it.
//!
//! One key does two things: it proves the party's identity to TLS, and it signs the manifest and
//! the handshake of every session. Others know a party by the SHA-256 fingerprint of its
//! certificate, written into their configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::{Error, Fingerprint, Refusal};

pub mod authority;

/// Where an identity is kept, as a configuration names it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityFiles {
    /// The certificates, one or several, that issue the certificates of all three parties, in PEM.
    pub authority: PathBuf,
    /// This party's certificate in PEM, with intermediate ones after it if there are any.
    pub certificate: PathBuf,
    /// This party's Ed25519 key in PEM (PKCS #8), readable by its owner only.
    pub key: PathBuf,
}

impl IdentityFiles {
    /// Reads relative paths as relative to `folder`.
    pub fn relative_to(&mut self, folder: &Path) {
        for path in [&mut self.authority, &mut self.certificate, &mut self.key] {
            *path = folder.join(&*path);
        }
    }
}

/// A loaded identity.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    fingerprint: Fingerprint,
    key: PrivateKeyDer<'static>,
    roots: Arc<RootCertStore>,
    seed: zeroize::Zeroizing<[u8; 32]>,
}

impl Identity {
    /// Reads an identity from its files.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if one is missing, [`Error::Certificate`] if one does not hold what it
    /// should, others than its owner may read or write the key, it is not the certificate's, or the
    /// certificate is not valid now.
    pub fn load(files: &IdentityFiles) -> Result<Self, Error> {
        let identity = Self::load_unchecked(files)?;
        let leaf = parse(&identity.chain[0]).map_err(|problem| at(&files.certificate, &problem))?;
        let validity = leaf.validity();
        if !validity.is_valid() {
            let (from, to) = (validity.not_before, validity.not_after);
            return Err(at(
                &files.certificate,
                &format!("the certificate is valid from {from} to {to} only"),
            ));
        }
        Ok(identity)
    }

    /// [`Identity::load`] without a look at the calendar.
    pub fn load_unchecked(files: &IdentityFiles) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&files.authority)? {
            roots
                .add(certificate)
                .map_err(|error| at(&files.authority, &error.to_string()))?;
        }
        let chain = certificates(&files.certificate)?;
        is_private(&files.key)?;
        let pem = read(&files.key)?;
        let key = PrivateKeyDer::from_pem_slice(&pem)
            .map_err(|_| at(&files.key, "holds no private key in PEM form"))?;
        let signing = SigningKey::from_pkcs8_der(key.secret_der())
            .map_err(|_| at(&files.key, "the key is not an Ed25519 key in PKCS #8 form"))?;
        let public = public_key(&chain[0]).map_err(|problem| at(&files.certificate, &problem))?;
        if public != signing.verifying_key().to_bytes() {
            return Err(at(&files.key, "the key does not belong to the certificate"));
        }
        Ok(Self {
            fingerprint: Fingerprint::of_certificate(&chain[0]),
            chain,
            key,
            roots: Arc::new(roots),
            seed: zeroize::Zeroizing::new(signing.to_bytes()),
        })
    }

    /// By what the others know this party.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Checks that none of those with whom this party deals has its own certificate.
    ///
    /// # Errors
    ///
    /// [`Refusal::SameParty`].
    pub(crate) fn differs_from(
        &self,
        others: impl IntoIterator<Item = Fingerprint>,
    ) -> Result<(), Refusal> {
        if others.into_iter().any(|other| other == self.fingerprint) {
            return Err(Refusal::SameParty);
        }
        Ok(())
    }

    /// The half of the identity that signs manifests and handshakes.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// Certificate and intermediate ones, the party's own first.
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }

    pub(crate) fn roots(&self) -> &Arc<RootCertStore> {
        &self.roots
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Identity")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// The Ed25519 key in a certificate in DER form.
///
/// # Errors
///
/// What is wrong with the certificate, in words.
pub fn public_key(certificate: &[u8]) -> Result<[u8; 32], String> {
    let certificate = parse(certificate)?;
    let info = certificate.public_key();
    if info.algorithm.algorithm != x509_parser::oid_registry::OID_SIG_ED25519 {
        return Err("the certificate's key is not an Ed25519 key".to_owned());
    }
    <[u8; 32]>::try_from(&*info.subject_public_key.data)
        .map_err(|_| "the certificate's key does not have 32 bytes".to_owned())
}

/// The fingerprint of the first certificate of a PEM file.
pub fn fingerprint_of_file(path: &Path) -> Result<Fingerprint, Error> {
    Ok(Fingerprint::of_certificate(&certificates(path)?[0]))
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, String> {
    let (_, certificate) = X509Certificate::from_der(der)
        .map_err(|error| format!("not an X.509 certificate: {error}"))?;
    Ok(certificate)
}

/// At least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = read(path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| at(path, "holds no certificate in PEM form"))?;
    if chain.is_empty() {
        return Err(at(path, "holds no certificate in PEM form"));
    }
    Ok(chain)
}

/// Refuses a key that others than its owner may read or replace.
fn is_private(key: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(key).map_err(|source| Error::File {
            path: key.to_owned(),
            source,
        })?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o066 != 0 {
            let path = key.display();
            return Err(at(
                key,
                &format!("has mode {mode:03o}, which lets others in: chmod 600 {path}"),
            ));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
    std::fs::read(path)
        .map(zeroize::Zeroizing::new)
        .map_err(|source| Error::File {
            path: path.to_owned(),
            source,
        })
}

fn at(path: &Path, problem: &str) -> Error {
    Error::Certificate {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::authority::Authority;
    use super::*;

    #[test]
    fn a_made_identity_loads_and_its_key_is_in_its_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(30).unwrap();
        let files = authority.write_identity(folder.path(), "provider").unwrap();
        let identity = Identity::load(&files).unwrap();
        assert_eq!(
            identity.fingerprint(),
            fingerprint_of_file(&files.certificate).unwrap()
        );
        let signing = SigningKey::from_bytes(identity.seed());
        assert_eq!(
            public_key(&identity.chain()[0]),
            Ok(signing.verifying_key().to_bytes())
        );
        assert!(!format!("{identity:?}").contains("seed"));
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_readable_by_their_owner_only_whatever_stood_there() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("querier.key");
        std::fs::write(&key, b"old").unwrap();
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
        let files = Authority::new(30)
            .unwrap()
            .write_identity(folder.path(), "querier")
            .unwrap();
        assert_eq!(files.key, key);
        for path in [&files.key, &files.certificate, &files.authority] {
            let mode = std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[cfg(unix)]
    #[test]
    fn keys_that_others_may_read_or_write_are_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let files = Authority::new(30)
            .unwrap()
            .write_identity(folder.path(), "querier")
            .unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o644, 0o666] {
            std::fs::set_permissions(&files.key, PermissionsExt::from_mode(mode)).unwrap();
            let error = Identity::load(&files).unwrap_err().to_string();
            let remedy = format!("chmod 600 {}", files.key.display());
            assert!(error.contains(&remedy), "{mode:o}: {error}");
        }
        for mode in [0o600, 0o400, 0o700] {
            std::fs::set_permissions(&files.key, PermissionsExt::from_mode(mode)).unwrap();
            Identity::load(&files).unwrap();
        }
    }

    #[test]
    fn wrong_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(30).unwrap();
        let files = authority.write_identity(folder.path(), "one").unwrap();
        let other = authority.write_identity(folder.path(), "two").unwrap();

        let swapped = IdentityFiles {
            key: other.key.clone(),
            ..files.clone()
        };
        let error = Identity::load(&swapped).unwrap_err().to_string();
        assert!(
            error.contains("two.key") && error.contains("does not belong"),
            "{error}"
        );

        let missing = IdentityFiles {
            certificate: folder.path().join("none.pem"),
            ..files.clone()
        };
        assert!(matches!(Identity::load(&missing), Err(Error::File { .. })));

        let nonsense = IdentityFiles {
            certificate: files.key.clone(),
            ..files.clone()
        };
        let error = Identity::load(&nonsense).unwrap_err().to_string();
        assert!(error.contains("holds no certificate"), "{error}");

        let expired = Authority::new(30)
            .unwrap()
            .write_expired_identity(folder.path(), "old")
            .unwrap();
        let error = Identity::load(&expired).unwrap_err().to_string();
        assert!(error.contains("valid from"), "{error}");
    }
}
