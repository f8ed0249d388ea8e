//! Tests that the bindings have the layout of the runtime, on the target that is compiled for.

#[rustfmt::skip]
mod ext;
#[rustfmt::skip]
mod v1_1;
#[rustfmt::skip]
mod v1_2_0;
#[rustfmt::skip]
mod v1_2_1;
#[rustfmt::skip]
mod v1_3;

use std::alloc::Layout;
use std::collections::BTreeMap;

use serde::Deserialize;

/// A struct of the bindings as the compiler lays it out.
struct Struct {
    name: &'static str,
    layout: Layout,
    fields: &'static [Field],
}

impl Struct {
    const fn new(name: &'static str, layout: Layout, fields: &'static [Field]) -> Self {
        Self { name, layout, fields }
    }
}

/// A field by its name in C: `image.image_embed` is a field of the nested struct `image`.
struct Field {
    name: &'static str,
    offset: usize,
    size: usize,
}

impl Field {
    const fn new(name: &'static str, offset: usize, size: usize) -> Self {
        Self { name, offset, size }
    }
}

/// The numbers of one header in `tests/layout.json`.
#[derive(Deserialize)]
struct Expected {
    constants: BTreeMap<String, i64>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    architectures: Vec<String>,
    structs: BTreeMap<String, Facts>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Facts {
    size: usize,
    align: usize,
    /// Offset and size.
    fields: BTreeMap<String, (usize, usize)>,
}

impl From<&Struct> for Facts {
    fn from(of: &Struct) -> Self {
        let field = |field: &Field| (field.name.to_owned(), (field.offset, field.size));
        Self {
            size: of.layout.size(),
            align: of.layout.align(),
            fields: of.fields.iter().map(field).collect(),
        }
    }
}

/// Fails on a struct, field or constant that is only on one side, or differs.
fn check(header: &str, structs: &[Struct], constants: &[(&str, i64)]) {
    let data = include_str!("../tests/layout.json");
    let mut all: BTreeMap<String, Expected> = serde_json::from_str(data).unwrap();
    let expected = all.remove(header).unwrap();
    let constants: BTreeMap<String, i64> =
        constants.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    assert_eq!(constants, expected.constants);

    let ours: BTreeMap<String, Facts> =
        structs.iter().map(|of| (of.name.to_owned(), of.into())).collect();
    let is_ours =
        |target: &&Target| target.architectures.iter().any(|a| a == std::env::consts::ARCH);
    let target = expected.targets.iter().find(is_ours);
    let target = target.expect("the runtime exists for x86_64 (embedded), aarch64 and arm only");
    assert_eq!(ours, target.structs);
}

#[test]
fn generation_1_1() {
    check("1.1", v1_1::STRUCTS, v1_1::CONSTANTS);
}

#[test]
fn generation_1_2_0() {
    check("1.2.0", v1_2_0::STRUCTS, v1_2_0::CONSTANTS);
}

#[test]
fn generation_1_2_1() {
    check("1.2.1", v1_2_1::STRUCTS, v1_2_1::CONSTANTS);
}

#[test]
fn generation_1_3() {
    check("1.3", v1_3::STRUCTS, v1_3::CONSTANTS);
}

#[test]
fn extensions() {
    check("ext", ext::STRUCTS, ext::CONSTANTS);
}
