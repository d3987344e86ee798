//! `blindjoin init`: a three-party set-up on one machine, ready to run.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use blindjoin_columnar::{Bound, Output, ReadOptions, Reader, load_rules, today};
use blindjoin_linkage::Side;
use blindjoin_service::Fingerprint;
use blindjoin_service::identity::authority::{AUTHORITY, Authority};
use blindjoin_service::identity::fingerprint_of_file;
use blindjoin_terminal::whole;
use serde_json::json;

use crate::console::Console;

/// For how long development certificates are valid.
const DAYS: u16 = 365;
const PARTIES: [&str; 3] = ["keyholder", "provider", "querier"];

/// Set up three parties on this machine: identities and configurations, ready to run
///
/// Writes into DIR a development certificate authority's certificate, a key and a certificate for
/// each party, and keyholder.toml, provider.toml and querier.toml, which know each other's
/// certificates by fingerprint. The provider serves the records of --data under --rules; the querier
/// links under the same rules.
///
/// Between organisations, each makes its own key and certificate instead, and sends the others its
/// fingerprint.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  blindjoin init setup --data registries/b.csv --rules registries/rules.toml"
)]
pub(crate) struct Arguments {
    /// Folder for the files; made if it is missing
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    #[command(flatten)]
    plan: Plan,
    /// Replace existing files
    #[arg(long)]
    force: bool,
    /// Print the names of the configurations as JSON
    #[arg(long)]
    json: bool,
}

/// What to set up.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    /// The provider's records, CSV or Parquet
    #[arg(long, value_name = "FILE")]
    pub(crate) data: PathBuf,
    /// Rules file, which is copied into DIR, or the name of a built-in rule set
    #[arg(long, value_name = "RULES")]
    pub(crate) rules: String,
    /// Bits of the session keys: 2048, 3072 or 4096
    #[arg(long, value_name = "BITS", default_value_t = 3072, value_parser = key_bits)]
    pub(crate) key_bits: u32,
    /// Port of the key holder; the provider's is the next
    #[arg(long, value_name = "PORT", default_value_t = 7701, value_parser = whole(1_u16..=65_534))]
    pub(crate) base_port: u16,
    /// Bits of keys that protect nothing, for tests
    #[arg(long, value_name = "BITS", hide = true, conflicts_with = "key_bits")]
    pub(crate) insecure_test_key_bits: Option<u32>,
}

/// Reads the bits of session keys.
pub(crate) fn key_bits(text: &str) -> Result<u32, String> {
    match text {
        "2048" => Ok(2048),
        "3072" => Ok(3072),
        "4096" => Ok(4096),
        _ => Err("must be 2048, 3072 or 4096".to_owned()),
    }
}

/// What was set up.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) keyholder: PathBuf,
    pub(crate) provider: PathBuf,
    pub(crate) querier: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let files = set_up(&arguments.folder, &arguments.plan, arguments.force)?;
    console.note(format_args!(
        "{} is set up; now, each in a terminal of its own:\n  \
         blindjoin-keyholder serve --config {}\n  \
         blindjoin-provider serve --config {}\n  \
         blindjoin-querier link YOUR_RECORDS.csv --config {} --out card.csv\n\
         on three machines, each party takes its own .toml, .pem and .key, and authority.pem; provider and \
         querier take rules.toml, too, if there is one",
        arguments.folder.display(),
        files.keyholder.display(),
        files.provider.display(),
        files.querier.display(),
    ));
    if arguments.json {
        let data = json!({
            "keyholder": files.keyholder.display().to_string(),
            "provider": files.provider.display().to_string(),
            "querier": files.querier.display().to_string(),
        });
        console.data(data).context("standard output")?;
    }
    Ok(())
}

/// Writes identities and configurations for three parties into a folder.
pub(crate) fn set_up(folder: &Path, plan: &Plan, force: bool) -> anyhow::Result<Files> {
    let (bits, insecure) = match plan.insecure_test_key_bits {
        Some(bits) => (bits, true),
        None => (plan.key_bits, false),
    };
    let provider_port = plan.base_port.saturating_add(1);
    let rules = load_rules(&plan.rules)?;
    let options = ReadOptions::strict().with_encoding(rules.encoding());
    let reader = Reader::open(&plan.data, options)?;
    Bound::new(
        reader.name(),
        reader.columns(),
        &rules,
        Side::Provider,
        today(),
    )?;

    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let files = Files {
        keyholder: folder.join("keyholder.toml"),
        provider: folder.join("provider.toml"),
        querier: folder.join("querier.toml"),
    };
    // All of them before the first is written: a key that is lost is lost for good.
    let identities = PARTIES
        .iter()
        .flat_map(|party| [format!("{party}.pem"), format!("{party}.key")])
        .chain([AUTHORITY.to_owned()])
        .map(|name| folder.join(name));
    let configurations = [&files.keyholder, &files.provider, &files.querier];
    for file in identities.chain(configurations.map(PathBuf::clone)) {
        ensure!(
            force || !file.exists(),
            "{} exists already; --force replaces it",
            file.display()
        );
    }
    let data =
        std::fs::canonicalize(&plan.data).with_context(|| plan.data.display().to_string())?;
    let rules = copy_rules(folder, &plan.rules, force)?;
    let authority = Authority::new(DAYS)?;
    let mut fingerprints = Vec::new();
    for party in PARTIES {
        let identity = authority.write_identity(folder, party)?;
        fingerprints.push(fingerprint_of_file(&identity.certificate)?);
    }
    let [keyholder, provider, querier] = fingerprints[..] else {
        unreachable!("there are three parties")
    };
    let common = Common { bits, insecure };
    write(
        &files.keyholder,
        &common.keyholder(plan.base_port, querier, provider),
        force,
    )?;
    write(
        &files.provider,
        &common.provider(
            (provider_port, plan.base_port),
            &data,
            &rules,
            keyholder,
            querier,
        ),
        force,
    )?;
    write(
        &files.querier,
        &common.querier((provider_port, plan.base_port), &rules, keyholder, provider),
        force,
    )?;
    Ok(files)
}

/// What all three configurations say.
struct Common {
    bits: u32,
    insecure: bool,
}

impl Common {
    fn keyholder(&self, port: u16, querier: Fingerprint, provider: Fingerprint) -> String {
        format!(
            "# Key holder: blindjoin-keyholder serve --config keyholder.toml\n\n\
             listen = \"127.0.0.1:{port}\"\n{}\n{}\n\
             # Made in advance, one for each session.\n[keys]\nbits = {}\n\n\
             # Which querier may link with which provider: SHA-256 of their certificates.\n\
             [[link]]\nquerier = \"{querier}\"\nprovider = \"{provider}\"\n",
            self.warning(),
            identity("keyholder"),
            self.bits,
        )
    }

    fn provider(
        &self,
        (port, keyholder_port): (u16, u16),
        data: &Path,
        rules: &str,
        keyholder: Fingerprint,
        querier: Fingerprint,
    ) -> String {
        format!(
            "# Data provider: blindjoin-provider serve --config provider.toml\n\n\
             listen = \"127.0.0.1:{port}\"\n{}\
             data = {}\nrules = {}\n\n{}\n\
             # Where public keys come from, and comparisons go.\n[keyholder]\n{}\n\
             # Who may ask.\n[[querier]]\ncertificate_sha256 = \"{querier}\"\n",
            self.warning(),
            quoted(&data.to_string_lossy()),
            quoted(rules),
            identity("provider"),
            peer(keyholder_port, keyholder),
        )
    }

    fn querier(
        &self,
        (provider_port, keyholder_port): (u16, u16),
        rules: &str,
        keyholder: Fingerprint,
        provider: Fingerprint,
    ) -> String {
        format!(
            "# Querier: blindjoin-querier link people.csv --config querier.toml --out card.csv\n\n\
             {}rules = {}\n\n{}\n\
             # Who decrypts.\n[keyholder]\n{}\n\
             # Whose registry to link with.\n[[provider]]\nname = \"provider\"\n{}\n\
             [link]\nkey_bits = {}\n",
            self.warning(),
            quoted(rules),
            identity("querier"),
            peer(keyholder_port, keyholder),
            peer(provider_port, provider),
            self.bits,
        )
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

fn peer(port: u16, fingerprint: Fingerprint) -> String {
    format!("address = \"127.0.0.1:{port}\"\ncertificate_sha256 = \"{fingerprint}\"\n")
}

/// Copies a rules file next to the configurations; the name of a built-in set stays a name.
fn copy_rules(folder: &Path, rules: &str, force: bool) -> anyhow::Result<String> {
    let source = Path::new(rules);
    if !source.exists() {
        return Ok(rules.to_owned());
    }
    let text = std::fs::read_to_string(source).with_context(|| format!("reading {rules}"))?;
    let copy = folder.join("rules.toml");
    let same = |copy: PathBuf| std::fs::canonicalize(source).is_ok_and(|source| source == copy);
    if !std::fs::canonicalize(&copy).is_ok_and(same) {
        write(&copy, &text, force)?;
    }
    Ok("rules.toml".to_owned())
}

fn write(path: &Path, text: &str, force: bool) -> anyhow::Result<()> {
    let mut output = Output::create(path, force)?;
    output
        .write_all(text.as_bytes())
        .with_context(|| path.display().to_string())?;
    Ok(output.commit()?)
}

/// A string as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use blindjoin_service::config::{KeyHolderConfig, ProviderConfig, QuerierConfig};

    use super::*;

    fn plan(folder: &Path) -> Plan {
        let data = folder.join("o'brien \"people\".csv");
        std::fs::write(&data, "id,social\n1,123-45-6789\n").unwrap();
        let rules = folder.join("our-rules.toml");
        let text = "[columns]\nrecord_id = \"id\"\nnational_id = \"social\"\n[[rule]]\nid = \"ID\"\n\
                    signature = [\"national_id:T\"]\n";
        std::fs::write(&rules, text).unwrap();
        Plan {
            data,
            rules: rules.to_string_lossy().into_owned(),
            key_bits: 2048,
            base_port: 7701,
            insecure_test_key_bits: None,
        }
    }

    #[test]
    fn the_parties_know_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        let files = set_up(&folder.path().join("setup"), &plan, false).unwrap();
        let keyholder = KeyHolderConfig::load(&files.keyholder).unwrap();
        let provider = ProviderConfig::load(&files.provider).unwrap();
        let querier = QuerierConfig::load(&files.querier).unwrap();
        let of = |path: &Path| fingerprint_of_file(path).unwrap();
        assert_eq!(
            keyholder.links[0].querier,
            of(&querier.identity.certificate)
        );
        assert_eq!(
            keyholder.links[0].provider,
            of(&provider.identity.certificate)
        );
        assert_eq!(
            provider.queriers[0].certificate_sha256,
            keyholder.links[0].querier
        );
        assert_eq!(
            querier.providers[0].certificate_sha256,
            keyholder.links[0].provider
        );
        assert_eq!(
            querier.keyholder.certificate_sha256,
            of(&keyholder.identity.certificate)
        );
        assert_eq!(
            provider.keyholder.certificate_sha256,
            querier.keyholder.certificate_sha256
        );
        assert_eq!(querier.link.key_bits, 2048);
        assert!(provider.data.exists() && Path::new(&provider.rules).exists());
        assert_eq!(
            (&*keyholder.listen, &*provider.listen),
            ("127.0.0.1:7701", "127.0.0.1:7702")
        );
    }

    #[test]
    fn existing_set_ups_are_not_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        set_up(folder.path(), &plan, false).unwrap();
        let error = set_up(folder.path(), &plan, false).unwrap_err().to_string();
        assert!(error.contains("--force"), "{error}");
        set_up(folder.path(), &plan, true).unwrap();
    }

    #[test]
    fn a_key_without_a_configuration_is_not_replaced_unasked_either() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        let key = folder.path().join("setup/querier.key");
        std::fs::create_dir(key.parent().unwrap()).unwrap();
        std::fs::write(&key, "precious").unwrap();
        let error = set_up(key.parent().unwrap(), &plan, false).unwrap_err();
        assert!(error.to_string().contains("querier.key"), "{error}");
        assert_eq!(std::fs::read_to_string(&key).unwrap(), "precious");
        assert_eq!(std::fs::read_dir(key.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn rules_in_the_folder_stay_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let mut plan = plan(folder.path());
        let rules = folder.path().join("rules.toml");
        std::fs::rename(&plan.rules, &rules).unwrap();
        plan.rules = rules.to_string_lossy().into_owned();
        let before = std::fs::read_to_string(&rules).unwrap();
        set_up(folder.path(), &plan, false).unwrap();
        assert_eq!(std::fs::read_to_string(&rules).unwrap(), before);
    }

    #[test]
    fn mistakes_are_found_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let good = plan(folder.path());
        let target = folder.path().join("setup");
        for bad in [
            Plan {
                data: folder.path().join("none.csv"),
                ..good.clone()
            },
            Plan {
                rules: "no-such-set".to_owned(),
                ..good.clone()
            },
            Plan {
                rules: "ssn".to_owned(),
                ..good.clone()
            },
        ] {
            set_up(&target, &bad, false).unwrap_err();
            assert!(!target.exists());
        }
        assert!(key_bits("1024").is_err() && key_bits("3072") == Ok(3072));
    }
}
