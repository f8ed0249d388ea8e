//! `Debug` for unions, and for the structs that hold them.

use syn::{Attribute, File, Ident, Item, Meta, parse_quote};

/// Completes what bindgen cannot derive: which member of a union is set is not known to it,
/// so a union shows its name alone; every struct is then derivable.
pub(super) fn implement(file: &mut File) {
    let items = std::mem::take(&mut file.items);
    for mut item in items {
        let mut implementation = None;
        match &mut item {
            Item::Struct(item) => derive(&mut item.attrs),
            Item::Union(item) => implementation = Some(show_name(&item.ident)),
            _ => {}
        }
        file.items.push(item);
        file.items.extend(implementation);
    }
}

/// Adds `Debug` to a derive list that lacks it.
fn derive(attributes: &mut [Attribute]) {
    let lists = attributes.iter_mut().filter(|attribute| attribute.path().is_ident("derive"));
    for attribute in lists {
        let Meta::List(list) = &attribute.meta else {
            continue;
        };
        let tokens = &list.tokens;
        if !tokens.to_string().contains("Debug") {
            *attribute = parse_quote!(#[derive(Debug, #tokens)]);
        }
    }
}

fn show_name(union: &Ident) -> Item {
    let name = union.to_string();
    parse_quote! {
        impl ::core::fmt::Debug for #union {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name).finish_non_exhaustive()
            }
        }
    }
}
