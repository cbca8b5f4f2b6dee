//! Plans for hand-made states.
