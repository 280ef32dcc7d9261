//! How reports are written: what the pages and texts of all commands share.
//!
//! | module | what it knows |
//! |---|---|
//! | `html` | the frame of a page that needs nothing else, and text that is never markup |
//! | `chart` | charts as inline SVG |
//! | `columns` | text in columns, colours, sizes |

pub mod chart;
pub mod columns;
pub mod html;

pub use columns::Style;
