//! Whole templates, rendered; and templates that mean harm.

mod hostile;
mod rendering;
mod smuggling;
mod turns;
