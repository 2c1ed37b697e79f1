//! Scripts as text again.
