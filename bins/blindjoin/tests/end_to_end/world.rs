//! Programs, folders and set-ups.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;

/// Bits of the session keys.
const BITS: &str = "512";

/// A folder with a set-up in it, and the servers that run on it.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    /// A set-up for a provider with these records.
    pub(crate) fn new(provider: &str, rules: &str) -> Self {
        let world = Self::empty();
        world.write("theirs.csv", provider);
        world.write("rules-in.toml", rules);
        let data = world.path("theirs.csv");
        world.init(&data);
        world
    }

    /// The same for a provider that allows blocks of birth years, with these limits and without noise,
    /// so that every block of as many records as it takes is offered.
    pub(crate) fn in_years(provider: &str, rules: &str, limits: &str) -> Self {
        let world = Self::new(provider, rules);
        world.edit(
            "provider.toml",
            "data =",
            "blocks = [\"birth_year\"]\ninsecure_exact_classes = true\ndata =",
        );
        let section = format!("[limits]\n{limits}\n\n[keyholder]");
        world.edit("provider.toml", "[keyholder]", &section);
        world
    }

    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Runs `blindjoin init` with the rules in `rules-in.toml`.
    pub(crate) fn init(&self, data: &Path) {
        self.init_with_key_bits(data, BITS);
    }

    pub(crate) fn init_with_key_bits(&self, data: &Path, bits: &str) {
        let folder = self.path("setup");
        let rules = self.path("rules-in.toml");
        let output = run(
            "blindjoin",
            [
                "init".as_ref(),
                folder.as_os_str(),
                "--data".as_ref(),
                data.as_os_str(),
                "--rules".as_ref(),
                rules.as_os_str(),
                "--insecure-test-key-bits".as_ref(),
                bits.as_ref(),
            ],
        );
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Changes a file of the set-up.
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.path("setup").join(name);
        let before = std::fs::read_to_string(&path).unwrap();
        assert!(before.contains(from), "{name} has no {from}: {before}");
        std::fs::write(path, before.replace(from, to)).unwrap();
    }

    /// Starts both servers on free ports, and tells the configurations where they are.
    pub(crate) fn serve(&self) -> (Server, Server) {
        let keyholder = self.serve_keyholder();
        self.edit("provider.toml", "127.0.0.1:7701", &keyholder.address);
        self.edit("querier.toml", "127.0.0.1:7701", &keyholder.address);
        let provider = self.serve_provider();
        self.edit("querier.toml", "127.0.0.1:7702", &provider.address);
        (keyholder, provider)
    }

    pub(crate) fn serve_keyholder(&self) -> Server {
        Server::start(
            "blindjoin-keyholder",
            &self.path("setup").join("keyholder.toml"),
        )
    }

    pub(crate) fn serve_provider(&self) -> Server {
        Server::start(
            "blindjoin-provider",
            &self.path("setup").join("provider.toml"),
        )
    }

    /// Runs `blindjoin-querier link` on `data` into `card.csv`.
    pub(crate) fn link(&self, data: &str, more: &[&str]) -> Output {
        self.link_path(&self.path(data), more)
    }

    pub(crate) fn link_path(&self, data: &Path, more: &[&str]) -> Output {
        self.ask("link", data, "card.csv", more)
    }

    /// The same with `data` on standard input.
    pub(crate) fn link_from_stdin(&self, data: &str, more: &[&str]) -> Output {
        command("blindjoin-querier")
            .args(["link", "-", "--config"])
            .arg(self.path("setup").join("querier.toml"))
            .arg("--out")
            .arg(self.path("card.csv"))
            .args(more)
            .stdin(File::open(self.path(data)).unwrap())
            .output()
            .unwrap()
    }

    /// Runs a command of the querier's on `data` into `out`.
    pub(crate) fn ask(&self, command: &str, data: &Path, out: &str, more: &[&str]) -> Output {
        let (config, out) = (self.path("setup").join("querier.toml"), self.path(out));
        let mut arguments: Vec<&OsStr> = vec![
            command.as_ref(),
            data.as_os_str(),
            "--config".as_ref(),
            config.as_os_str(),
            "--out".as_ref(),
            out.as_os_str(),
        ];
        arguments.extend(more.iter().map(OsStr::new));
        run("blindjoin-querier", arguments)
    }

    /// Runs `blindjoin-querier lookup`.
    pub(crate) fn lookup(&self, more: &[&str]) -> Output {
        let config = self.path("setup").join("querier.toml");
        let mut arguments: Vec<&OsStr> =
            vec!["lookup".as_ref(), "--config".as_ref(), config.as_os_str()];
        arguments.extend(more.iter().map(OsStr::new));
        run("blindjoin-querier", arguments)
    }

    /// The card, which is there.
    pub(crate) fn card(&self) -> String {
        std::fs::read_to_string(self.path("card.csv")).unwrap()
    }

    /// Neither the card nor a part of it is there.
    pub(crate) fn assert_no_card(&self) {
        let names: Vec<String> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.contains("card") || name.contains(".part"))
            .collect();
        assert!(names.is_empty(), "{names:?}");
    }
}

/// A server that listens.
pub(crate) struct Server {
    pub(crate) address: String,
    /// What it said before it listened.
    pub(crate) before: String,
    child: Child,
    log: Option<JoinHandle<String>>,
}

impl Server {
    pub(crate) fn start(name: &str, config: &Path) -> Self {
        Self::start_with(name, config, &[])
    }

    /// The same with more options.
    pub(crate) fn start_with(name: &str, config: &Path, more: &[&str]) -> Self {
        let mut child = command(name)
            .args(["serve".as_ref(), "--config".as_ref(), config.as_os_str()])
            .args(["--listen", "127.0.0.1:0"])
            .args(more)
            // No terminal, whoever runs the tests.
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut before = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(
                lines.read_line(&mut line).unwrap() > 0,
                "{name} ended early: {before}"
            );
            if let Some(address) = line.strip_prefix("listening on ") {
                break address.trim().to_owned();
            }
            before.push_str(&line);
        };
        let log = std::thread::spawn(move || {
            let mut rest = String::new();
            lines.read_to_string(&mut rest).unwrap();
            rest
        });
        Self {
            address,
            before,
            child,
            log: Some(log),
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Sends SIGTERM and waits for a clean end; yields the log since it began to listen.
    pub(crate) fn stop(mut self) -> String {
        self.signal("TERM");
        let status = self.child.wait().unwrap();
        let log = self.log.take().unwrap().join().unwrap();
        assert!(status.success(), "{status}: {log}");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        drop(self.child.wait());
    }
}

/// Starts a server that is to end by itself; yields its code and what it said. One that listens is
/// ended, and the test with it.
pub(crate) fn fails_to_serve(name: &str, config: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut arguments: Vec<&OsStr> =
        vec!["serve".as_ref(), "--config".as_ref(), config.as_os_str()];
    if !more.contains(&"--listen") {
        arguments.extend(["--listen", "127.0.0.1:0"].map(OsStr::new));
    }
    arguments.extend(more.iter().map(OsStr::new));
    let mut child = command(name)
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        said = said + &line + "\n";
        if line.starts_with("listening on ") {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{name} serves: {said}");
        }
    }
    (child.wait().unwrap().code(), said)
}

/// Runs a program to its end.
pub(crate) fn run<A: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = A>) -> Output {
    command(name).args(arguments).output().unwrap()
}

/// Runs a program to its end under a file mode creation mask.
pub(crate) fn run_under<A: AsRef<OsStr>>(
    umask: &str,
    name: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Output {
    Command::new("sh")
        .args(["-c", &format!("umask {umask} && exec \"$0\" \"$@\"")])
        .arg(command(name).get_program())
        .args(arguments)
        .output()
        .unwrap()
}

/// What a program printed.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn command(name: &str) -> Command {
    Command::new(folder().join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

/// Where the programs are: beside `blindjoin`, which cargo has built for these tests. When the whole
/// workspace is tested the others have been built too; when they are missing, they are built now.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_blindjoin"))
            .parent()
            .unwrap()
            .to_owned();
        let names = [
            "blindjoin-keyholder",
            "blindjoin-provider",
            "blindjoin-querier",
        ];
        let there = |name: &&str| {
            folder
                .join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
                .exists()
        };
        if !names.iter().all(there) {
            let mut cargo = Command::new(env!("CARGO"));
            cargo
                .arg("build")
                .args((!cfg!(debug_assertions)).then_some("--release"));
            cargo.args(names.iter().flat_map(|name| ["-p", name]));
            cargo.arg("--target-dir").arg(folder.parent().unwrap());
            assert!(cargo.status().unwrap().success());
        }
        folder
    })
}
