//! Documentation comments in the form that people write.

use syn::visit_mut::VisitMut;
use syn::{Attribute, Expr, File, Lit, Meta, parse_quote};

/// Splits comments of several lines into one attribute per line, which print as `///`.
pub(super) fn split_lines(file: &mut File) {
    SplitLines.visit_file_mut(file);
}

struct SplitLines;

impl VisitMut for SplitLines {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        *attributes = attributes.drain(..).flat_map(lines).collect();
    }
}

fn lines(attribute: Attribute) -> Vec<Attribute> {
    match text(&attribute) {
        Some(text) => text.lines().map(|line| parse_quote!(#[doc = #line])).collect(),
        None => vec![attribute],
    }
}

fn text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    match &pair.value {
        Expr::Lit(literal) if pair.path.is_ident("doc") => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}
