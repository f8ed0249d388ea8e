//! The LoRA adapters of a handle.

use std::ffi::CString;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::llama::{Adapter, Context};
use crate::log;
use crate::prompt_cache::Fingerprint;

/// An adapter that runs may choose.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) name: String,
    pub(crate) scale: f32,
    pub(crate) adapter: Adapter,
    /// Tells what the adapter computes from what others do.
    pub(crate) fingerprint: Fingerprint,
}

impl PartialEq for Choice {
    /// Names are unique within a handle.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

fn fingerprint(path: &str, scale: f32) -> Result<Fingerprint, Error> {
    let content = fs::read(path)
        .map_err(|error| Error::LoraFile { path: path.into(), reason: error.to_string() })?;
    Ok(Sha256::new().chain_update(content).chain_update(scale.to_le_bytes()).finalize().into())
}

/// What `rkllm_load_lora` is told.
#[derive(Debug)]
pub(crate) struct LoraFile {
    pub(crate) path: CString,
    pub(crate) name: String,
    pub(crate) scale: f32,
}

/// The adapters that were loaded.
#[derive(Debug, Default)]
pub(crate) struct Loras(Vec<Choice>);

impl Loras {
    /// Loads an adapter under a name that is new.
    pub(crate) fn load(&mut self, file: LoraFile, context: &mut Context) -> Result<(), Error> {
        let LoraFile { path, name, scale } = file;
        if self.0.iter().any(|choice| choice.name == name) {
            return Err(Error::LoraName(name));
        }
        if !scale.is_finite() {
            return Err(Error::Sampling { name: "scale", rule: "a number", value: scale });
        }
        let file = path.to_str().map_err(|_| Error::NotUtf8 { what: "lora_adapter_path" })?;
        if !Path::new(file).is_file() {
            return Err(Error::LoraPath(file.into()));
        }
        let (adapter, logged) = log::explained(|| context.load_adapter(&path));
        let adapter = adapter.ok_or_else(|| Error::LoraFile {
            path: file.into(),
            reason: logged.unwrap_or_else(|| "not an adapter for this model".to_owned()),
        })?;
        self.0.push(Choice { name, scale, adapter, fingerprint: fingerprint(file, scale)? });
        Ok(())
    }

    /// The adapter of this name.
    pub(crate) fn find(&self, name: &str) -> Result<Choice, Error> {
        let found = self.0.iter().find(|choice| choice.name == name);
        found.cloned().ok_or_else(|| Error::LoraUnknown(name.to_owned()))
    }
}
