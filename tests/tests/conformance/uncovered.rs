//! Cases that no upstream test covers. Most are bugs of one stock client or another.

mod lists;
mod peers;
mod streams;
