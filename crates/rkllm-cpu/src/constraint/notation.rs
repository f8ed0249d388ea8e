//! The notations in which a constraint can be written.

use std::fmt;

use rkllm_sys::ext::{
    RKLLM_EXT_CONSTRAINT_GBNF, RKLLM_EXT_CONSTRAINT_JSON_SCHEMA, RKLLM_EXT_CONSTRAINT_LARK,
    RKLLM_EXT_CONSTRAINT_REGEX,
};

use crate::error::Error;
use crate::llama::MAX_GRAMMAR;

/// How a constraint is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notation {
    /// llama.cpp's own.
    Gbnf,
    JsonSchema,
    Regex,
    /// Lark as llguidance extends it.
    Lark,
}

impl Notation {
    pub(crate) fn of(number: u32) -> Result<Self, Error> {
        match number {
            RKLLM_EXT_CONSTRAINT_GBNF => Ok(Self::Gbnf),
            RKLLM_EXT_CONSTRAINT_JSON_SCHEMA => Ok(Self::JsonSchema),
            RKLLM_EXT_CONSTRAINT_REGEX => Ok(Self::Regex),
            RKLLM_EXT_CONSTRAINT_LARK => Ok(Self::Lark),
            value => Err(Error::UnknownValue { name: "notation", value: i64::from(value) }),
        }
    }

    /// Bytes that a text may have at most.
    pub(super) fn longest(self) -> usize {
        match self {
            Self::Gbnf => MAX_GRAMMAR,
            Self::Regex => 16 << 10,
            Self::JsonSchema | Self::Lark => 256 << 10,
        }
    }
}

impl fmt::Display for Notation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gbnf => "GBNF grammar",
            Self::JsonSchema => "JSON schema",
            Self::Regex => "regular expression",
            Self::Lark => "Lark grammar",
        })
    }
}
