//! The embedded runtime through its C functions, on a real model.

mod ext;
mod generate;
mod history;
mod refuse;
mod stop;
mod support;
mod text;
