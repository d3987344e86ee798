//! The configurations of a set-up, as text.

use std::fmt::Write;
use std::path::Path;

use blindjoin_service::Fingerprint;

use super::QUERIER;

/// What all configurations say.
pub(super) struct Common {
    /// Bits of the session keys.
    pub(super) bits: u32,
    /// Whether such keys protect nothing.
    pub(super) insecure: bool,
    /// The rules, as a provider and the querier name them.
    pub(super) rules: String,
    pub(super) keyholder: Party,
    pub(super) querier: Fingerprint,
}

/// Where a party is found, and what its certificate must be.
#[derive(Clone, Copy)]
pub(super) struct Party {
    pub(super) port: u16,
    pub(super) fingerprint: Fingerprint,
}

impl Common {
    pub(super) fn keyholder(&self, providers: &[(&str, Party)]) -> String {
        let mut text = format!(
            "# Key holder: blindjoin-keyholder serve --config keyholder.toml\n\n\
             listen = \"127.0.0.1:{}\"\n{}\n{}\n\
             # Made in advance, one for each session.\n[keys]\nbits = {}\n\n\
             # Which querier may link with which provider: SHA-256 of their certificates.\n",
            self.keyholder.port,
            self.warning(),
            identity("keyholder"),
            self.bits,
        );
        let links = providers.iter().map(|(_, provider)| {
            format!(
                "[[link]]\nquerier = \"{}\"\nprovider = \"{}\"\n",
                self.querier, provider.fingerprint
            )
        });
        text.extend(links);
        text
    }

    /// The configuration of one provider; `party` is what its files are called.
    pub(super) fn provider(&self, party: &str, port: u16, data: &Path) -> String {
        format!(
            "# Data provider: blindjoin-provider serve --config {party}.toml\n\n\
             listen = \"127.0.0.1:{port}\"\n{}\
             data = {}\nrules = {}\n\n{}\n\
             # Where public keys come from, and comparisons go.\n[keyholder]\n{}\n\
             # Who may ask.\n[[querier]]\ncertificate_sha256 = \"{}\"\n",
            self.warning(),
            quoted(&data.to_string_lossy()),
            quoted(&self.rules),
            identity(party),
            peer(self.keyholder),
            self.querier,
        )
    }

    pub(super) fn querier(&self, providers: &[(&str, Party)]) -> String {
        let mut text = format!(
            "# Querier: blindjoin-querier link people.csv --config querier.toml --out card.csv\n\n\
             {}rules = {}\n\n{}\n\
             # Who decrypts.\n[keyholder]\n{}\n\
             # Whose registry to link with.\n",
            self.warning(),
            quoted(&self.rules),
            identity(QUERIER),
            peer(self.keyholder),
        );
        let peers = providers.iter().map(|&(name, provider)| {
            format!(
                "[[provider]]\nname = {}\n{}\n",
                quoted(name),
                peer(provider)
            )
        });
        text.extend(peers);
        let written = write!(text, "[link]\nkey_bits = {}\n", self.bits);
        written.expect("a string takes any text");
        if providers.len() > 1 {
            let names = [QUERIER]
                .into_iter()
                .chain(providers.iter().map(|&(name, _)| name));
            let names: Vec<String> = names.map(quoted).collect();
            let written = write!(
                text,
                "\n# For `dedupe`: a person stays with the first that holds her.\n[dedupe]\n\
                 jurisdiction = \"{QUERIER}\"\npriority = [{}]\n",
                names.join(", ")
            );
            written.expect("a string takes any text");
        }
        text
    }

    fn warning(&self) -> &'static str {
        if self.insecure {
            "# Keys of the size used here protect nothing: for tests only.\ninsecure_test_keys = true\n"
        } else {
            ""
        }
    }
}

fn identity(party: &str) -> String {
    format!(
        "# Who this party is.\n[identity]\nauthority = \"authority.pem\"\n\
         certificate = \"{party}.pem\"\nkey = \"{party}.key\"\n"
    )
}

fn peer(party: Party) -> String {
    format!(
        "address = \"127.0.0.1:{}\"\ncertificate_sha256 = \"{}\"\n",
        party.port, party.fingerprint
    )
}

/// A string as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
