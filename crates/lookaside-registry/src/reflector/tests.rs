mod driven;
mod history;
mod rules;
mod world;
