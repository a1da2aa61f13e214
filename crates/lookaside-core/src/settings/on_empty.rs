/// What clients get of a service without any backend that can take calls. An empty list
/// is never an option: no stock client recovers from one by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnEmpty {
    /// They use the addresses their own resolver gave them.
    #[default]
    Fallback,
    /// Their calls fail.
    Drop,
    /// They keep the last list; fallback where there was none.
    Hold,
}
