use std::io;
use std::path::PathBuf;

use clap::{Command, Subcommand};
use clap_complete::Shell;

/// Commands that every program has, about itself.
#[derive(Clone, Debug, Subcommand)]
pub enum Pages {
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  PROGRAM completions bash > PROGRAM.bash")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write manual pages into a folder, one for each command
    #[command(after_help = "Example:\n  PROGRAM manual man1")]
    Manual {
        /// Folder for the pages; made if it is missing
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

impl Pages {
    /// Writes what is asked for of a program's command line.
    ///
    /// # Errors
    ///
    /// Standard output takes no more, or the folder cannot be written.
    pub fn run(&self, mut command: Command) -> io::Result<()> {
        match self {
            Self::Completions { shell } => {
                let name = command.get_name().to_owned();
                // Written at once: the generator takes a failure for a fault of the program.
                let mut script = Vec::new();
                clap_complete::generate(*shell, &mut command, name, &mut script);
                io::Write::write_all(&mut io::stdout(), &script)
            }
            Self::Manual { folder } => {
                let fail = |error: io::Error| {
                    io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
                };
                std::fs::create_dir_all(folder).map_err(fail)?;
                clap_mangen::generate_to(command, folder).map_err(fail)
            }
        }
    }
}
