//! Different clients start a list at different places, so that a push does not send
//! them all to the same first backend.

/// How many rotations of a list there are at most: each is encoded once and kept.
pub const MAX_ROTATIONS: usize = 16;

/// Where rotation `rotation_index` of a list of `len` slots starts: one of
/// `min(len, MAX_ROTATIONS)` evenly spaced places. Successive indices go round all of
/// them, each far from the one before: few streams are spread as well as many.
pub fn start(len: usize, rotation_index: usize) -> usize {
    let places = len.min(MAX_ROTATIONS);
    if places == 0 {
        return 0;
    }
    let place = rotation_index % places;
    let place = if places == MAX_ROTATIONS {
        place.reverse_bits() >> (usize::BITS - MAX_ROTATIONS.ilog2())
    } else {
        place
    };
    place * len / places
}

#[cfg(test)]
mod tests;
