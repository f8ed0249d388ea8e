//! The header of a GGUF file. Nothing in it is trusted: lengths are compared with what is allowed
//! before anything is read, and arrays are passed over.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Seek};

/// The first bytes of every GGUF file.
pub(super) const MAGIC: &[u8; 4] = b"GGUF";

/// Most bytes that a header may have; vocabularies of a quarter of a million tokens have 20 MB.
const MAX_HEADER: u64 = 128 << 20;
/// Longest text that is kept. Longer ones are passed over.
const MAX_TEXT: u64 = 1024;
/// Longest chat template that is kept; real ones have some 10 kB.
const MAX_TEMPLATE: u64 = 1 << 20;
/// The name of the chat template.
pub(super) const TEMPLATE: &str = "tokenizer.chat_template";
/// Longest name of a value.
const MAX_KEY: u64 = 65535;
/// Most dimensions of a tensor.
const MAX_DIMENSIONS: u32 = 8;

/// What a header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    texts: HashMap<String, String>,
    numbers: HashMap<String, u64>,
    /// Number of weights in all tensors.
    pub(super) parameters: u64,
}

impl Header {
    /// Reads a header.
    pub(super) fn read(file: impl Read + Seek) -> io::Result<Self> {
        let mut input = Input { file: BufReader::with_capacity(1 << 16, file), left: MAX_HEADER };
        if &input.array::<4>()? != MAGIC {
            return Err(bad("does not begin like a GGUF file"));
        }
        match input.u32()? {
            2 | 3 => {}
            1 => return Err(bad("is GGUF version 1, which nobody reads any more")),
            version if version.swap_bytes() < 16 => return Err(bad("is a big-endian GGUF file")),
            version => return Err(bad(format!("is GGUF version {version}, which is unknown"))),
        }
        let tensors = input.u64()?;
        let values = input.u64()?;
        let mut header = Self::default();
        for _ in 0..values {
            header.value(&mut input)?;
        }
        for _ in 0..tensors {
            let weights = tensor(&mut input)?;
            header.parameters = header.parameters.saturating_add(weights);
        }
        Ok(header)
    }

    /// A text under its name.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.texts.get(key).map(String::as_str)
    }

    /// A whole number under its name.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.numbers.get(key).copied()
    }

    fn value<R: Read + Seek>(&mut self, input: &mut Input<R>) -> io::Result<()> {
        let length = input.length(MAX_KEY)?;
        let key = input.text(length)?;
        let number = match Type::read(input)? {
            Type::Text => {
                let length = input.u64()?;
                let most = if key == TEMPLATE { MAX_TEMPLATE } else { MAX_TEXT };
                if length > most {
                    return input.skip(length);
                }
                let text = input.text(length)?;
                self.texts.insert(key, text);
                return Ok(());
            }
            Type::Array => return input.skip_array(),
            Type::Fixed { size, number: true } => input.number(size)?,
            Type::Fixed { size, number: false } => return input.skip(size),
        };
        self.numbers.insert(key, number);
        Ok(())
    }
}

/// The number of weights in the next tensor.
fn tensor<R: Read + Seek>(input: &mut Input<R>) -> io::Result<u64> {
    let name = input.u64()?;
    input.skip(name)?;
    let dimensions = input.u32()?;
    if dimensions > MAX_DIMENSIONS {
        return Err(bad(format!("has a tensor of {dimensions} dimensions")));
    }
    let mut weights: u64 = 1;
    for _ in 0..dimensions {
        weights = weights.saturating_mul(input.u64()?);
    }
    // Its type and where its weights are. They are read, as a seek does not notice the file's end.
    input.array::<{ 4 + 8 }>()?;
    Ok(weights)
}

enum Type {
    /// This many bytes; whether they are a whole number that is not negative.
    Fixed {
        size: u64,
        number: bool,
    },
    Text,
    Array,
}

impl Type {
    fn read<R: Read + Seek>(input: &mut Input<R>) -> io::Result<Self> {
        let fixed = |size, number| Self::Fixed { size, number };
        Ok(match input.u32()? {
            0 => fixed(1, true),
            2 => fixed(2, true),
            4 => fixed(4, true),
            10 => fixed(8, true),
            // Signed, truth values, floats.
            1 | 7 => fixed(1, false),
            3 => fixed(2, false),
            5 | 6 => fixed(4, false),
            11 | 12 => fixed(8, false),
            8 => Self::Text,
            9 => Self::Array,
            kind => return Err(bad(format!("has a value of the unknown type {kind}"))),
        })
    }
}

/// A file of which only so much may be used.
struct Input<R> {
    file: BufReader<R>,
    left: u64,
}

impl<R: Read + Seek> Input<R> {
    fn spend(&mut self, bytes: u64) -> io::Result<()> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| bad("has a header that is larger than any model's"))?;
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        self.spend(N as u64)?;
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn u32(&mut self) -> io::Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> io::Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn length(&mut self, most: u64) -> io::Result<u64> {
        match self.u64()? {
            length if length > most => Err(bad(format!("has a name of {length} bytes"))),
            length => Ok(length),
        }
    }

    fn number(&mut self, size: u64) -> io::Result<u64> {
        let mut number = 0;
        for byte in 0..size {
            number |= u64::from(self.array::<1>()?[0]) << (8 * byte);
        }
        Ok(number)
    }

    fn text(&mut self, length: u64) -> io::Result<String> {
        self.spend(length)?;
        let mut text = Vec::new();
        self.file.by_ref().take(length).read_to_end(&mut text)?;
        if text.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        self.spend(bytes)?;
        // `spend` allows no more than `MAX_HEADER`.
        let offset = i64::try_from(bytes).map_err(io::Error::other)?;
        self.file.seek_relative(offset)
    }

    fn skip_array(&mut self) -> io::Result<()> {
        let element = Type::read(self)?;
        let count = self.u64()?;
        match element {
            Type::Fixed { size, .. } => self.skip(count.saturating_mul(size)),
            Type::Text => {
                for _ in 0..count {
                    let length = self.u64()?;
                    self.skip(length)?;
                }
                Ok(())
            }
            Type::Array => Err(bad("has an array of arrays")),
        }
    }
}

fn bad(problem: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.into())
}

/// The name of a `general.file_type`.
pub(super) fn quantization(file_type: u64) -> Option<&'static str> {
    Some(match file_type {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        19 => "IQ2_XXS",
        20 => "IQ2_XS",
        21 => "Q2_K_S",
        22 => "IQ3_XS",
        23 => "IQ3_XXS",
        24 => "IQ1_S",
        25 => "IQ4_NL",
        26 => "IQ3_S",
        27 => "IQ3_M",
        28 => "IQ2_S",
        29 => "IQ2_M",
        30 => "IQ4_XS",
        31 => "IQ1_M",
        32 => "BF16",
        36 => "TQ1_0",
        37 => "TQ2_0",
        38 => "MXFP4",
        39 => "NVFP4",
        _ => return None,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn text(bytes: &mut Vec<u8>, text: &str) {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }

    fn entry(bytes: &mut Vec<u8>, key: &str, kind: u32) {
        text(bytes, key);
        bytes.extend(kind.to_le_bytes());
    }

    /// A header as llama.cpp's tools write it, with a vocabulary before the chat template.
    pub(in super::super) fn example() -> Vec<u8> {
        let mut bytes = Vec::from(*MAGIC);
        bytes.extend(3u32.to_le_bytes());
        bytes.extend(2u64.to_le_bytes());
        bytes.extend(9u64.to_le_bytes());
        entry(&mut bytes, "general.architecture", 8);
        text(&mut bytes, "llama");
        entry(&mut bytes, "llama.context_length", 4);
        bytes.extend(8192u32.to_le_bytes());
        entry(&mut bytes, "llama.embedding_length", 4);
        bytes.extend(576u32.to_le_bytes());
        entry(&mut bytes, "llama.rope.freq_base", 6);
        bytes.extend(1f32.to_le_bytes());
        entry(&mut bytes, "general.file_type", 4);
        bytes.extend(3u32.to_le_bytes());
        entry(&mut bytes, "tokenizer.ggml.model", 8);
        text(&mut bytes, "gpt2");
        entry(&mut bytes, "tokenizer.ggml.tokens", 9);
        bytes.extend(8u32.to_le_bytes());
        bytes.extend(2u64.to_le_bytes());
        text(&mut bytes, "a");
        text(&mut bytes, "bc");
        entry(&mut bytes, "tokenizer.ggml.token_type", 9);
        bytes.extend(5u32.to_le_bytes());
        bytes.extend(2u64.to_le_bytes());
        bytes.extend([0; 8]);
        entry(&mut bytes, "tokenizer.chat_template", 8);
        text(&mut bytes, &"{{ messages }}".repeat(100));
        for dimensions in [&[576u64, 49152][..], &[576]] {
            text(&mut bytes, "token_embd.weight");
            bytes.extend((dimensions.len() as u32).to_le_bytes());
            bytes.extend(dimensions.iter().flat_map(|size| size.to_le_bytes()));
            bytes.extend([0; 12]);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> io::Result<Header> {
        Header::read(Cursor::new(bytes))
    }

    #[test]
    fn a_header() {
        let header = read(&example()).unwrap();
        assert_eq!(header.text("general.architecture"), Some("llama"));
        assert_eq!(header.number("llama.context_length"), Some(8192));
        assert_eq!(header.text("tokenizer.ggml.model"), Some("gpt2"));
        assert_eq!(header.text(TEMPLATE).map(str::len), Some(1400));
        assert_eq!(header.parameters, 576 * 49152 + 576);
        assert_eq!(quantization(header.number("general.file_type").unwrap()), Some("Q4_1"));
    }

    #[test]
    fn every_cut_is_noticed() {
        let whole = example();
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn other_versions_are_named() {
        let version = |bytes: [u8; 4]| {
            let mut file = example();
            file[4..8].copy_from_slice(&bytes);
            read(&file).unwrap_err().to_string()
        };
        assert!(version(1u32.to_le_bytes()).contains("version 1"));
        assert!(version(3u32.to_be_bytes()).contains("big-endian"));
        assert!(version(0x1234_5678u32.to_le_bytes()).contains("unknown"));
        assert!(read(b"<html>").unwrap_err().to_string().contains("does not begin"));
    }

    #[test]
    fn lengths_are_not_believed() {
        let mut file = Vec::from(*MAGIC);
        file.extend(3u32.to_le_bytes());
        file.extend(0u64.to_le_bytes());
        file.extend(1u64.to_le_bytes());
        let with = |key: &str, kind: u32, rest: &[u8]| {
            let mut file = file.clone();
            entry(&mut file, key, kind);
            file.extend(rest);
            read(&file).unwrap_err().to_string()
        };
        assert!(with("a", 8, &u64::MAX.to_le_bytes()).contains("larger than any"));
        let array = [6u32.to_le_bytes().as_slice(), &u64::MAX.to_le_bytes()].concat();
        assert!(with("a", 9, &array).contains("larger than any"));
        let nested = [9u32.to_le_bytes().as_slice(), &1u64.to_le_bytes()].concat();
        assert!(with("a", 9, &nested).contains("array of arrays"));
        assert!(with("a", 13, &[]).contains("unknown type 13"));
        assert!(with(&"k".repeat(65536), 0, &[0]).contains("name of 65536 bytes"));
    }

    proptest! {
        #[test]
        fn damage_is_no_panic(at in 0usize..600, byte: u8) {
            let mut file = example();
            let at = at % file.len();
            file[at] = byte;
            let _ = read(&file);
        }
    }
}
