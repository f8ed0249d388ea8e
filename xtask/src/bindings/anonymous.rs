//! Names for the structs, unions and fields that have none in C.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use quote::format_ident;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Fields, File, Ident, Item, Type};

/// What a field is called that holds an anonymous union.
const FIELD: &str = "value";

/// The types that were anonymous in C, and whether the field that holds each has a name there.
pub(super) type Nested = BTreeMap<Ident, bool>;

/// Gives generated names to what is anonymous: a type is called after the struct and the
/// field that hold it, an anonymous field `value`. A field without documentation of its own
/// gets that of its type.
pub(super) fn name(file: &mut File) -> Result<Nested> {
    let mut nested = Nested::new();
    let docs = documented_types(file);
    let mut renames = Renames::default();
    for item in &mut file.items {
        let Item::Struct(parent) = item else { continue };
        let Fields::Named(fields) = &mut parent.fields else {
            continue;
        };
        for field in &mut fields.named {
            let (Some(name), Some(kind)) = (field.ident.as_ref(), type_name(&field.ty)) else {
                continue;
            };
            if !kind.to_string().contains("__bindgen_ty_") {
                continue;
            }
            let named_in_c = !name.to_string().starts_with("__bindgen_anon_");
            let readable = if named_in_c { name.clone() } else { format_ident!("{FIELD}") };
            let readable_type =
                format_ident!("{}{}", parent.ident, camel_case(&readable.to_string()));
            renames.add(name, readable)?;
            renames.add(kind, readable_type.clone())?;
            nested.insert(readable_type, named_in_c);
            if field.attrs.is_empty() {
                field.attrs = docs.get(kind).cloned().unwrap_or_default();
            }
        }
    }
    renames.visit_file_mut(file);
    Ok(nested)
}

/// Documentation of every struct and union.
fn documented_types(file: &File) -> BTreeMap<Ident, Vec<Attribute>> {
    let docs = |attrs: &[Attribute]| {
        attrs.iter().filter(|a| a.path().is_ident("doc")).cloned().collect::<Vec<_>>()
    };
    let types = file.items.iter().filter_map(|item| match item {
        Item::Struct(item) => Some((item.ident.clone(), docs(&item.attrs))),
        Item::Union(item) => Some((item.ident.clone(), docs(&item.attrs))),
        _ => None,
    });
    types.collect()
}

/// The identifier of a type that is a plain name.
pub(super) fn type_name(ty: &Type) -> Option<&Ident> {
    match ty {
        Type::Path(path) => path.path.get_ident(),
        _ => None,
    }
}

fn camel_case(snake: &str) -> String {
    let upper = |word: &str| match word.split_at_checked(1) {
        Some((first, rest)) => first.to_uppercase() + rest,
        None => String::new(),
    };
    snake.split('_').map(upper).collect()
}

#[derive(Default)]
struct Renames(BTreeMap<Ident, Ident>);

impl Renames {
    fn add(&mut self, from: &Ident, to: Ident) -> Result<()> {
        match self.0.insert(from.clone(), to.clone()) {
            Some(other) if other != to => bail!("`{from}` would be both `{other}` and `{to}`"),
            _ => Ok(()),
        }
    }
}

impl VisitMut for Renames {
    fn visit_ident_mut(&mut self, ident: &mut Ident) {
        if let Some(name) = self.0.get(ident) {
            *ident = name.clone();
        }
        visit_mut::visit_ident_mut(self, ident);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_called_after_struct_and_field() {
        let mut file = syn::parse_str::<File>(
            r#"struct In { __bindgen_anon_1: In__bindgen_ty_1, big_image: In__bindgen_ty_2 }
            #[doc = " The input."] union In__bindgen_ty_1 { a: u8 }
            struct In__bindgen_ty_2 { b: u8 }"#,
        )
        .unwrap();
        name(&mut file).unwrap();
        let expected = syn::parse_str::<File>(
            r#"struct In { #[doc = " The input."] value: InValue, big_image: InBigImage }
            #[doc = " The input."] union InValue { a: u8 }
            struct InBigImage { b: u8 }"#,
        )
        .unwrap();
        assert_eq!(prettyplease::unparse(&file), prettyplease::unparse(&expected));
    }
}
