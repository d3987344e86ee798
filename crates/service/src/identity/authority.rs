//! A development certificate authority: identities for three parties on one machine.
//!
//! In production each party makes its own key and certificate and sends the others its
//! fingerprint; here one program makes all of them, so that a first run needs no other tool.

use std::io::Write;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_ED25519,
};
use time::{Duration, OffsetDateTime};

use crate::Error;
use crate::identity::IdentityFiles;

/// The names for which development identities are valid.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The file name of the authority's certificate.
pub const AUTHORITY: &str = "authority.pem";

/// An authority that lives as long as this value: its key is never written down.
#[derive(Debug)]
pub struct Authority {
    days: i64,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// An authority whose certificates are valid for `days` from now.
    pub fn new(days: u16) -> Result<Self, Error> {
        let name = "blindjoin development authority";
        let make = || {
            let key = KeyPair::generate_for(&PKCS_ED25519)?;
            let mut parameters = validity(i64::from(days));
            parameters.distinguished_name.push(DnType::CommonName, name);
            parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            CertifiedIssuer::self_signed(parameters, key)
        };
        let issuer = make().map_err(|source| Error::Creation {
            name: name.to_owned(),
            source,
        })?;
        Ok(Self {
            days: i64::from(days),
            issuer,
        })
    }

    /// Makes an identity for this machine and writes `authority.pem`, `<name>.pem` and `<name>.key`
    /// into `folder`.
    pub fn write_identity(&self, folder: &Path, name: &str) -> Result<IdentityFiles, Error> {
        self.write(folder, name, self.days)
    }

    /// An identity whose certificate has run out: for tests of what a party does when it meets one.
    pub fn write_expired_identity(
        &self,
        folder: &Path,
        name: &str,
    ) -> Result<IdentityFiles, Error> {
        self.write(folder, name, -1)
    }

    fn write(&self, folder: &Path, name: &str, days: i64) -> Result<IdentityFiles, Error> {
        let make = || {
            let key = KeyPair::generate_for(&PKCS_ED25519)?;
            let mut parameters = validity(days);
            parameters.subject_alt_names =
                CertificateParams::new(NAMES.map(str::to_owned))?.subject_alt_names;
            parameters
                .distinguished_name
                .push(DnType::CommonName, format!("blindjoin {name}"));
            parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            parameters.extended_key_usages = vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ];
            parameters.use_authority_key_identifier_extension = true;
            let certificate = parameters.signed_by(&key, &self.issuer)?;
            Ok((
                certificate.pem(),
                zeroize::Zeroizing::new(key.serialize_pem()),
            ))
        };
        let (certificate, key) = make().map_err(|source| Error::Creation {
            name: name.to_owned(),
            source,
        })?;
        let files = IdentityFiles {
            authority: folder.join(AUTHORITY),
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
        };
        write_private(folder, &files.authority, self.issuer.pem().as_bytes())?;
        write_private(folder, &files.certificate, certificate.as_bytes())?;
        write_private(folder, &files.key, key.as_bytes())?;
        Ok(files)
    }
}

fn validity(days: i64) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    // A day of slack for clocks that are behind; two where the certificate shall have run out.
    parameters.not_before = now - Duration::days(2);
    parameters.not_after = now + Duration::days(days);
    parameters
}

/// Writes a file of mode 0600, whatever the process's umask, in place of whatever stands there: that
/// one's mode, and whoever has it open, do not get the new content.
fn write_private(folder: &Path, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || {
        let mut file = tempfile::Builder::new()
            .prefix(".blindjoin-")
            .suffix(".part")
            .tempfile_in(folder)?;
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            file.as_file().set_permissions(mode)?;
        }
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|source: std::io::Error| Error::File {
        path: path.to_owned(),
        source,
    })
}
