use anyhow::anyhow;
use lookaside_proto::v1::{DropShare, Drops};

/// What `lookaside drops` is to do.
#[derive(Debug, PartialEq)]
pub(super) enum DropsOrder {
    Clear,
    Set(Drops),
}

/// Reads `clear`, `none`, or `CATEGORY=PERCENT%` any number of times.
pub(super) fn drops_order(words: &[String]) -> anyhow::Result<DropsOrder> {
    match words {
        [word] if word == "clear" => return Ok(DropsOrder::Clear),
        [word] if word == "none" => return Ok(DropsOrder::Set(Drops::default())),
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
    Ok(DropsOrder::Set(Drops { shares }))
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
