//! A live view of one balancer. What is shown (`View`) is changed by what happens and
//! drawn from nothing else; asking, keys and the terminal are at the edge.

mod ask;
mod draw;
mod history;
mod keys;
mod run;
mod view;

pub(crate) use self::run::run;

#[cfg(test)]
mod tests;
