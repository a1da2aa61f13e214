//! Whether backends that vanish from the registry are believed to be gone.
//!
//! A mass lease expiry after a fault of the registry, or of the network between it and
//! the backends, looks exactly like the death of most backends at once, and they are
//! usually alive. So when many of a service's backends vanish within a short time without
//! having announced a drain, they are asked themselves: those that answer stay in the list
//! as *suspects* for a while, the others go. Rule 4 of `docs/lists.md`.
//!
//! ```text
//!            below the threshold                 window passed
//! registered ───────────────────▶ gone (counted) ─────────────▶ forgotten
//!     ▲ │                            │
//!     │ │ mass removal               │ mass removal
//!     │ ▼                            ▼
//!     │ unproven ◀───────────────────┘      no answer
//!     │    │────────────────────────────────────────▶ forgotten
//!     │    ▼ answers
//!     └─ suspect ──▶ forgotten: stopped answering, held long enough, its address is
//!  registers again   another service's
//! ```

mod addresses;
mod belief;
mod diff;
mod event;
mod guard;
mod hold_clock;
mod missing;
mod policy;
mod probes;
mod removals;

pub use self::{
    belief::{Belief, Hold, Suspect},
    event::{RemovalEvent, Why},
    policy::MassRemoval,
    probes::{ProbeAnswer, ProbeTicket, SuspectProbe},
    removals::{Removals, Surroundings},
};
