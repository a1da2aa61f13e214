use std::io;

use clap::Args;

use super::{
    Failure,
    inspect::{Ask, print_json},
};
use crate::output::{TokenJson, write_token};

/// Says which backend a token names, and what its signature is worth.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside token 0HBaK2wDSypeBEsob
  lookaside token 1HBaK2wDSypeBEsobUx7KOqZ9tpZU6BpS.x1y --balancer lb-1:7400 --json

Exit codes: 0 it ran; 1 something failed while it ran (such as: no such backend);
2 wrong usage or configuration.")]
pub(super) struct Token {
    /// The token, as a backend gets it in `lb-token`, with or without a variant (.x1y)
    #[arg(value_name = "TOKEN")]
    token: String,
    #[command(flatten)]
    ask: Ask,
}

impl Token {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let mut inspector = self.ask.connect().await?;
        let found = inspector.token(&self.token).await?;
        if self.ask.json {
            print_json(&TokenJson::from(&found))?;
        } else {
            write_token(&mut io::stdout(), &found)?;
        }
        Ok(())
    }
}
