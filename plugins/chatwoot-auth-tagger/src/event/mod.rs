//! Events: the table of what there is, what a request is, and how it is written down.

pub mod decide;
pub mod facts;
pub mod fields;
pub mod probe;
pub mod route;
pub mod table;
pub mod write;

pub use decide::{Confidence, Event, decide};
pub use facts::{Facts, SignedIn, Source};
pub use table::{Action, Outcome};
