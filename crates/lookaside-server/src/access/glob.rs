/// A pattern of names in segments: `*` stands for any characters within a segment, `**`
/// for any characters at all; every other character stands for itself, and the whole name
/// must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    pattern: Box<str>,
    separator: u8,
}

impl Glob {
    /// `separator` is ASCII: `/` in paths, `.` in host names.
    pub(super) fn new(pattern: &str, separator: u8) -> Self {
        Self {
            pattern: pattern.into(),
            separator,
        }
    }

    /// Whether every name matches.
    pub(super) fn is_everything(&self) -> bool {
        &*self.pattern == "**"
    }

    /// Compares without allocating. Only the latest of each kind of star is ever tried
    /// again: what stands between two stars of a kind is best matched as early as it can
    /// be, because that leaves the later star the most to stand for.
    pub(super) fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.pattern.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        // Behind the star in the pattern, and how far into the name it reaches.
        let mut within: Option<(usize, usize)> = None;
        let mut across: Option<(usize, usize)> = None;
        loop {
            match pattern.get(p) {
                Some(b'*') if pattern.get(p + 1) == Some(&b'*') => {
                    p += 2;
                    across = Some((p, n));
                    // Whatever it stood for, this one can stand for more.
                    within = None;
                    continue;
                }
                Some(b'*') => {
                    p += 1;
                    within = Some((p, n));
                    continue;
                }
                Some(byte) if name.get(n) == Some(byte) => {
                    p += 1;
                    n += 1;
                    continue;
                }
                None if n == name.len() => return true,
                _ => {}
            }
            match (&mut within, &mut across) {
                (Some((behind, reach)), _)
                    if name.get(*reach).is_some_and(|byte| *byte != self.separator) =>
                {
                    *reach += 1;
                    (p, n) = (*behind, *reach);
                }
                (_, Some((behind, reach))) if *reach < name.len() => {
                    *reach += 1;
                    (p, n) = (*behind, *reach);
                    within = None;
                }
                _ => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests;
