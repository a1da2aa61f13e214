use anyhow::anyhow;
use clap::Args;
use lookaside_proto::v1::{
    DropShare, Drops as Shares, clear_override_request::Kind, set_override_request::Order,
};

use super::{Failure, Tell, Term};

/// Fails shares of a service's calls at the clients, in place of the drops that are set.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lookaside drops orders overload=25% test=0.5% --for 10m
  lookaside drops orders none       drop nothing, whatever the settings say
  lookaside drops orders clear      as the settings say

Exit codes: 0 it ran; 1 something failed while it ran (such as: no such service);
2 wrong usage or configuration.")]
pub(in crate::cli) struct Drops {
    /// The service, as it is registered
    #[arg(value_name = "SERVICE")]
    service: String,
    /// Shares by category, `none`, or `clear`
    #[arg(value_name = "CATEGORY=PERCENT%|none|clear", required = true)]
    drops: Vec<String>,
    #[command(flatten)]
    term: Term,
    #[command(flatten)]
    tell: Tell,
}

impl Drops {
    pub(in crate::cli) async fn run(self) -> Result<(), Failure> {
        let tell = self.tell;
        match drops_order(&self.drops).map_err(Failure::usage)? {
            DropsOrder::Clear => tell.clear(self.service, Kind::Drops, String::new()).await,
            DropsOrder::Set(drops) => {
                let order = Order::Drops(drops);
                tell.set(self.service, order, &self.term).await
            }
        }
    }
}

/// What `lookaside drops` is to do.
#[derive(Debug, PartialEq)]
enum DropsOrder {
    Clear,
    Set(Shares),
}

/// Reads `clear`, `none`, or `CATEGORY=PERCENT%` any number of times.
fn drops_order(words: &[String]) -> anyhow::Result<DropsOrder> {
    match words {
        [word] if word == "clear" => return Ok(DropsOrder::Clear),
        [word] if word == "none" => return Ok(DropsOrder::Set(Shares::default())),
        _ => {}
    }
    if let Some(word) = words.iter().find(|it| *it == "clear" || *it == "none") {
        return Err(anyhow!("{word:?} stands alone: it is for all categories"));
    }
    let shares = words.iter().map(|word| {
        let (category, share) = word
            .split_once('=')
            .ok_or_else(|| anyhow!("{word:?} is not CATEGORY=PERCENT%, none or clear"))?;
        Ok(DropShare {
            category: category.to_owned(),
            per_million: per_million(share).ok_or_else(|| {
                anyhow!("{word:?}: {share:?} is no share from 0% to 100%, such as 0.5%")
            })?,
        })
    });
    let shares = shares.collect::<anyhow::Result<_>>()?;
    Ok(DropsOrder::Set(Shares { shares }))
}

/// Exactly: a share finer than one in a million is none.
fn per_million(percent: &str) -> Option<u32> {
    let (whole, fraction) = {
        let number = percent.strip_suffix('%')?;
        number.split_once('.').unwrap_or((number, "0"))
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 4 {
        return None;
    }
    let fraction: u32 = format!("{fraction:0<4}").parse().ok()?;
    let share = whole.parse::<u32>().ok()?.checked_mul(10_000)?;
    Some(share.checked_add(fraction)?).filter(|share| *share <= 1_000_000)
}

#[cfg(test)]
mod tests;
