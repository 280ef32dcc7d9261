//! Requests put together from lines.
