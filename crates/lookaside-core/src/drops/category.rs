use crate::{Drop, Drops, Token, Variant, strip_variant};

/// How often to draw a variant: one draw nearly always does.
const DRAWS: usize = 16;

impl Drops {
    /// The index of the drop whose slots have this token, with or without a stream's
    /// variant. A category may itself end like a variant: as it stands comes first.
    pub fn find(&self, token: &str) -> Option<usize> {
        let exactly = |token: &str| {
            self.as_slice()
                .iter()
                .position(|drop| *drop.category == *token)
        };
        exactly(token).or_else(|| exactly(strip_variant(token)))
    }

    /// A random variant with which no category of these reads as another one, so that
    /// [`Drops::find`] is exact.
    pub fn variant(&self, rng: &mut fastrand::Rng) -> Variant {
        let mut variant = Variant::random(rng);
        for _ in 1..DRAWS {
            let clashes = |drop: &Drop| {
                let token = drop.token().with_variant(variant);
                self.as_slice()
                    .iter()
                    .any(|other| *other.category == *token.as_str())
            };
            if !self.as_slice().iter().any(clashes) {
                break;
            }
            variant = Variant::random(rng);
        }
        variant
    }
}

impl Drop {
    /// The token of its slots: its category.
    #[expect(
        clippy::expect_used,
        reason = "`Drops::new` checks categories; they are shorter than tokens"
    )]
    pub fn token(&self) -> Token {
        Token::new(&self.category).expect("a checked category")
    }
}

#[cfg(test)]
mod tests;
