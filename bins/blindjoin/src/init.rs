//! `blindjoin init`: a three-party set-up on one machine, ready to run.

mod text;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use blindjoin_columnar::{
    Bound, Format, InputOptions, Output, ReadOptions, Reader, load_rules, today,
};
use blindjoin_linkage::Side;
use blindjoin_record::RuleSet;
use blindjoin_service::identity::authority::{AUTHORITY, Authority};
use blindjoin_service::identity::fingerprint_of_file;
use blindjoin_terminal::{Usage, whole};
use serde_json::json;

use crate::console::Console;
use text::{Common, Party};

/// For how long development certificates are valid.
const DAYS: u16 = 365;

/// What the files of a party are called, and in a plan of de-duplication the querier itself.
const KEYHOLDER: &str = "keyholder";
const PROVIDER: &str = "provider";
const QUERIER: &str = "querier";

/// Set up the parties on this machine: identities and configurations, ready to run
///
/// Writes into DIR a development certificate authority's certificate, a key and a certificate for
/// each party, and keyholder.toml, provider.toml and querier.toml, which know each other's
/// certificates by fingerprint. The provider serves the records of --data under --rules; the querier
/// links under the same rules.
///
/// More providers are named with --provider, such as --provider south=south.csv: each has its own
/// configuration, provider-south.toml, and port. Where there are several, querier.toml has a plan for
/// `blindjoin-querier dedupe`, in which the querier comes first.
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
    /// Replace existing files
    #[arg(long)]
    force: bool,
    /// Print the names of the configurations as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    plan: Plan,
}

/// What to set up.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    /// The provider's records, CSV or Parquet
    #[arg(long, value_name = "FILE", required_unless_present = "providers")]
    pub(crate) data: Option<PathBuf>,
    /// Another provider: its name, and its records; may be given several times
    #[arg(long = "provider", value_name = "NAME=FILE", value_parser = named_registry)]
    pub(crate) providers: Vec<(String, PathBuf)>,
    /// Rules file, which is copied into DIR, or the name of a built-in rule set
    #[arg(long, value_name = "RULES")]
    pub(crate) rules: String,
    /// Bits of the session keys: 2048, 3072 or 4096
    #[arg(long, value_name = "BITS", default_value_t = 3072, value_parser = key_bits)]
    pub(crate) key_bits: u32,
    /// Port of the key holder; the providers' are the next
    #[arg(long, value_name = "PORT", default_value_t = 7701, value_parser = whole(1_u16..=65_534))]
    pub(crate) base_port: u16,
    /// Bits of keys that protect nothing, for tests
    #[arg(long, value_name = "BITS", hide = true, conflicts_with = "key_bits")]
    pub(crate) insecure_test_key_bits: Option<u32>,
    #[command(flatten)]
    pub(crate) reading: InputOptions,
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

/// Reads a provider's name and the file of its records.
fn named_registry(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or("must be NAME=FILE, such as south=south.csv")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(
            "the name must be of letters, digits, - and _, for files are called by it".to_owned(),
        );
    }
    Ok((name.to_owned(), file.into()))
}

/// A provider to be.
struct Registry {
    /// What the querier calls it.
    name: String,
    /// What its files are called.
    party: String,
    data: PathBuf,
    port: u16,
}

impl Plan {
    /// The providers in their order, each with a port of its own.
    fn registries(&self) -> Result<Vec<Registry>, Usage> {
        let first = self
            .data
            .iter()
            .map(|data| (PROVIDER.to_owned(), PROVIDER.to_owned(), data));
        let named = self.providers.iter();
        let named = named.map(|(name, data)| (name.clone(), format!("{PROVIDER}-{name}"), data));
        let mut registries = Vec::<Registry>::new();
        let mut port = self.base_port;
        for (name, party, data) in first.chain(named) {
            let taken = |other: &str| other.eq_ignore_ascii_case(&name);
            if taken(QUERIER) || registries.iter().any(|registry| taken(&registry.name)) {
                return Err(Usage::new(format!(
                    "--provider {name}=…: another party is called so"
                )));
            }
            port = port.checked_add(1).ok_or_else(|| {
                Usage::new(
                    "--base-port: there are not enough ports behind it, one for each provider",
                )
            })?;
            registries.push(Registry {
                name,
                party,
                data: data.clone(),
                port,
            });
        }
        Ok(registries)
    }
}

/// What was set up.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) keyholder: PathBuf,
    /// The providers' configurations, by what the querier calls them.
    pub(crate) providers: Vec<(String, PathBuf)>,
    pub(crate) querier: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let files = set_up(&arguments.folder, &arguments.plan, arguments.force)?;
    let reading = as_arguments(arguments.plan.reading);
    let providers = files.providers.iter();
    let serve = providers.map(|(_, file)| {
        format!(
            "  blindjoin-provider serve --config {}{reading}\n",
            file.display()
        )
    });
    let several = files.providers.len() > 1;
    let ask = if several { "dedupe" } else { "link" };
    let out = if several { "decided.csv" } else { "card.csv" };
    console.note(format_args!(
        "{} is set up; now, each in a terminal of its own:\n  \
         blindjoin-keyholder serve --config {}\n{}  \
         blindjoin-querier {ask} YOUR_RECORDS.csv --config {} --out {out}\n\
         on machines of their own, each party takes its own .toml, .pem and .key, and authority.pem; \
         providers and querier take rules.toml, too, if there is one",
        arguments.folder.display(),
        files.keyholder.display(),
        serve.collect::<String>(),
        files.querier.display(),
    ));
    if arguments.json {
        let providers = files.providers.iter();
        let providers = providers.map(
            |(name, file)| json!({ "name": name, "configuration": file.display().to_string() }),
        );
        let data = json!({
            "keyholder": files.keyholder.display().to_string(),
            "providers": providers.collect::<Vec<_>>(),
            "querier": files.querier.display().to_string(),
        });
        console.data(data).context("standard output")?;
    }
    Ok(())
}

/// How the registries are read, as a provider is to be told.
fn as_arguments(reading: InputOptions) -> String {
    let format = reading.format.map(|format| match format {
        Format::Csv => " --format csv".to_owned(),
        Format::Parquet => " --format parquet".to_owned(),
    });
    let delimiter = reading.delimiter.map(|byte| match byte {
        b'\t' => " --delimiter tab".to_owned(),
        byte => format!(" --delimiter '{}'", char::from(byte)),
    });
    let encoding = reading.encoding;
    let encoding = encoding.map(|encoding| format!(" --encoding {}", encoding.name()));
    [format, delimiter, encoding]
        .into_iter()
        .flatten()
        .collect()
}

/// Writes identities and configurations for all parties into a folder.
pub(crate) fn set_up(folder: &Path, plan: &Plan, force: bool) -> anyhow::Result<Files> {
    let registries = plan.registries()?;
    let rules = load_rules(&plan.rules)?;
    let mut data = Vec::new();
    for registry in &registries {
        check(&registry.data, &rules, plan.reading)?;
        let path = std::fs::canonicalize(&registry.data);
        data.push(path.with_context(|| registry.data.display().to_string())?);
    }

    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let parties = [KEYHOLDER, QUERIER].into_iter();
    let parties = parties.chain(registries.iter().map(|registry| &*registry.party));
    let parties: Vec<&str> = parties.collect();
    refuse_existing(folder, &parties, force)?;
    let authority = Authority::new(DAYS)?;
    let identity = |party: &str| {
        let identity = authority.write_identity(folder, party)?;
        fingerprint_of_file(&identity.certificate)
    };
    let common = Common {
        bits: plan.insecure_test_key_bits.unwrap_or(plan.key_bits),
        insecure: plan.insecure_test_key_bits.is_some(),
        rules: copy_rules(folder, &plan.rules, force)?,
        keyholder: Party {
            port: plan.base_port,
            fingerprint: identity(KEYHOLDER)?,
        },
        querier: identity(QUERIER)?,
    };
    let mut providers = Vec::new();
    for registry in &registries {
        let (port, fingerprint) = (registry.port, identity(&registry.party)?);
        providers.push((&*registry.name, Party { port, fingerprint }));
    }
    let configuration = |party: &str| folder.join(format!("{party}.toml"));
    let files = Files {
        keyholder: configuration(KEYHOLDER),
        providers: registries
            .iter()
            .map(|registry| (registry.name.clone(), configuration(&registry.party)))
            .collect(),
        querier: configuration(QUERIER),
    };
    write(&files.keyholder, &common.keyholder(&providers), force)?;
    for ((registry, data), (_, file)) in registries.iter().zip(&data).zip(&files.providers) {
        write(
            file,
            &common.provider(&registry.party, registry.port, data),
            force,
        )?;
    }
    write(&files.querier, &common.querier(&providers), force)?;
    Ok(files)
}

/// Checks that a registry can be read, and that the rules find their columns there.
fn check(data: &Path, rules: &RuleSet, reading: InputOptions) -> anyhow::Result<()> {
    let options = ReadOptions::strict().with_encoding(rules.encoding());
    let reader = Reader::open(data, reading.over(options))?;
    let (file, columns) = (reader.name(), reader.columns());
    Bound::new(file, columns, rules, Side::Provider, today())?;
    Ok(())
}

/// Looks for all files before the first is written: a key that is lost is lost for good.
fn refuse_existing(folder: &Path, parties: &[&str], force: bool) -> anyhow::Result<()> {
    let ends = ["pem", "key", "toml"];
    let names = parties
        .iter()
        .flat_map(|party| ends.map(|end| format!("{party}.{end}")));
    for name in names.chain([AUTHORITY.to_owned()]) {
        let file = folder.join(name);
        ensure!(
            force || !file.exists(),
            "{} exists already; --force replaces it",
            file.display()
        );
    }
    Ok(())
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
            data: Some(data),
            providers: Vec::new(),
            rules: rules.to_string_lossy().into_owned(),
            key_bits: 2048,
            base_port: 7701,
            insecure_test_key_bits: None,
            reading: InputOptions::default(),
        }
    }

    #[test]
    fn the_parties_know_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(folder.path());
        let files = set_up(&folder.path().join("setup"), &plan, false).unwrap();
        let keyholder = KeyHolderConfig::load(&files.keyholder).unwrap();
        let provider = ProviderConfig::load(&files.providers[0].1).unwrap();
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
    fn several_providers_have_files_and_ports_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let one = plan(folder.path());
        let data = one.data.clone().unwrap();
        let named = |names: &[&str]| {
            names
                .iter()
                .map(|name| ((*name).to_owned(), data.clone()))
                .collect()
        };
        let several = Plan {
            providers: named(&["B", "c-2"]),
            ..one.clone()
        };
        let files = set_up(&folder.path().join("setup"), &several, false).unwrap();
        let keyholder = KeyHolderConfig::load(&files.keyholder).unwrap();
        let querier = QuerierConfig::load(&files.querier).unwrap();
        let parts = ["provider", "B", "c-2"].into_iter().zip(["", "-B", "-c-2"]);
        for (place, (name, end)) in parts.enumerate() {
            let (called, file) = &files.providers[place];
            assert!(called == name && file.ends_with(format!("provider{end}.toml")));
            let provider = ProviderConfig::load(file).unwrap();
            let address = format!("127.0.0.1:{}", 7702 + place);
            let peer = &querier.providers[place];
            assert_eq!((&*peer.name, &peer.address), (name, &address));
            assert_eq!(provider.listen, address);
            let fingerprint = fingerprint_of_file(&provider.identity.certificate).unwrap();
            assert_eq!(peer.certificate_sha256, fingerprint);
            assert_eq!(keyholder.links[place].provider, fingerprint);
        }
        let plan = querier.dedupe.unwrap();
        assert_eq!(plan.priority, ["querier", "provider", "B", "c-2"]);

        let target = folder.path().join("other");
        for (names, port) in [
            (&["B", "b"][..], 7701),
            (&["querier"], 7701),
            (&["Provider"], 7701),
            (&["B", "C"], 65_533),
        ] {
            let bad = Plan {
                providers: named(names),
                base_port: port,
                ..one.clone()
            };
            assert!(set_up(&target, &bad, false).unwrap_err().is::<Usage>());
        }
        let missing = vec![("B".to_owned(), folder.path().join("none.csv"))];
        let bad = Plan {
            providers: missing,
            ..one
        };
        let error = set_up(&target, &bad, false).unwrap_err().to_string();
        assert!(error.contains("none.csv") && !target.exists(), "{error}");
        for bad in ["B", "B=", "=b.csv", "a b=b.csv", "../b=b.csv"] {
            assert!(named_registry(bad).is_err(), "{bad}");
        }
        assert_eq!(
            named_registry("B=x=y.csv"),
            Ok(("B".to_owned(), "x=y.csv".into()))
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
                data: Some(folder.path().join("none.csv")),
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
