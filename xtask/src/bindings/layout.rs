//! Layout facts of the bindings, for the tests of `rkllm-sys`.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, Result};
use quote::ToTokens;
use syn::{Field, Fields, File, Ident, Item};

use super::anonymous::{Nested, type_name};
use super::header::Header;

/// Size, alignment and every field of every struct, and the value of every constant, as Rust
/// source in terms of `size_of` and `offset_of`, so that any target can check its own numbers.
pub(super) fn render(header: &Header, file: &File, nested: &Nested) -> Result<String> {
    let types: Types = file.items.iter().filter_map(fields).collect();
    let mut structs = String::new();
    let mut constants = String::new();
    for item in &file.items {
        match item {
            Item::Struct(item) if !nested.contains_key(&item.ident) => {
                let name = &item.ident;
                let mut walk = Walk { types: &types, nested, root: name, out: String::new() };
                walk.fields(name, "", "");
                let fields = walk.out;
                write!(structs, "Struct::new(\"{name}\", Layout::new::<{name}>(), &[{fields}]),")?;
            }
            Item::Const(item) => {
                let name = &item.ident;
                write!(constants, "(\"{name}\", {name} as i64),")?;
            }
            _ => {}
        }
    }
    let source = format!(
        "use std::alloc::Layout;
        use std::mem::{{offset_of, size_of}};
        use super::{{Field, Struct}};
        use crate::{module}::*;
        pub(super) const STRUCTS: &[Struct] = &[{structs}];
        pub(super) const CONSTANTS: &[(&str, i64)] = &[{constants}];",
        module = header.module
    );
    let file = syn::parse_file(&source).context("the layout facts are not valid Rust")?;
    Ok(prettyplease::unparse(&file))
}

type Types<'a> = BTreeMap<&'a Ident, Vec<&'a Field>>;

fn fields(item: &Item) -> Option<(&Ident, Vec<&Field>)> {
    match item {
        Item::Struct(item) => match &item.fields {
            Fields::Named(fields) => Some((&item.ident, fields.named.iter().collect())),
            _ => None,
        },
        Item::Union(item) => Some((&item.ident, item.fields.named.iter().collect())),
        _ => None,
    }
}

/// Writes the fields of one struct, those of nested anonymous types included.
struct Walk<'a> {
    types: &'a Types<'a>,
    nested: &'a Nested,
    root: &'a Ident,
    out: String,
}

impl Walk<'_> {
    /// `path` leads to the fields in Rust, `label` in C; both are empty or end in a point.
    fn fields(&mut self, parent: &Ident, path: &str, label: &str) {
        let types = self.types;
        for field in types.get(parent).into_iter().flatten() {
            let Some(name) = &field.ident else { continue };
            let inner = type_name(&field.ty).and_then(|ty| Some((ty, self.nested.get(ty)?)));
            let named_in_c = inner.is_none_or(|(_, named)| *named);
            if named_in_c {
                let (root, ty) = (self.root, field.ty.to_token_stream());
                self.out.push_str(&format!(
                    "Field::new(\"{label}{name}\", offset_of!({root}, {path}{name}), \
                     size_of::<{ty}>()),"
                ));
            }
            if let Some((ty, _)) = inner {
                let label = if named_in_c { format!("{label}{name}.") } else { label.to_owned() };
                self.fields(ty, &format!("{path}{name}."), &label);
            }
        }
    }
}
