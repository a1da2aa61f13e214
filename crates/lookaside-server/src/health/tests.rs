mod backends;
mod changes;
mod ejection;
mod fleet;
mod load;
