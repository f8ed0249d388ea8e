//! The embedded runtime through its C functions, on a real model.

mod batch;
mod callbacks;
mod constraint;
mod ext;
mod generate;
mod history;
mod log;
mod lora;
mod numbers;
mod prompt_cache;
mod refuse;
mod shift;
mod stop;
mod support;
mod text;
mod tools;
mod v1_2_1;
