use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Cli, Failure};

/// Prints a script that teaches a shell to complete this program's commands and flags.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside completions bash           bash: eval \"$(lookaside completions bash)\"
  lookaside completions zsh            zsh: put it into a file _lookaside on $fpath
  lookaside completions fish           fish: ~/.config/fish/completions/lookaside.fish

Exit codes: 0 it ran; 1 something failed while it ran; 2 wrong usage.")]
pub(super) struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<(), Failure> {
        // Written as a whole: `generate` panics where writing fails.
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "lookaside", &mut script);
        Ok(io::stdout().write_all(&script)?)
    }
}
