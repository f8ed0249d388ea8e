//! The function table of a header.

use std::fmt::Write;

use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, File, FnArg, ForeignItem, ForeignItemFn, Item, Signature};

use super::header::Header;

/// Removes the `extern` blocks and returns the functions in them: without the feature `link`
/// nothing may be linked, because the library is known only at run time.
pub(super) fn take_functions(file: &mut File) -> Vec<ForeignItemFn> {
    let mut functions = Vec::new();
    file.items.retain_mut(|item| {
        let Item::ForeignMod(block) = item else {
            return true;
        };
        functions.extend(block.items.drain(..).filter_map(|item| match item {
            ForeignItem::Fn(function) => Some(function),
            _ => None,
        }));
        false
    });
    functions
}

/// The table as Rust source: a field for each function, and how to fill them.
pub(super) fn render(header: &Header, functions: &[ForeignItemFn]) -> String {
    let fields = functions.iter().map(|function| {
        let docs: Vec<&Attribute> = function.attrs.iter().collect();
        let name = format_ident!("{}", field_name(header, &function.sig));
        let ty = pointer_type(&function.sig);
        quote! { #(#docs)* pub #name: #ty, }
    });
    let about =
        format!(" Function table of {}: all functions that its header declares.", header.title);
    let table = quote! {
        #[doc = #about]
        ///
        /// Filled from a library by `load`, or field by field by a runtime written in Rust.
        #[derive(Clone, Copy, Debug)]
        pub struct Api { #(#fields)* }
    };
    let linked = linked(header, functions);
    source(syn::parse_quote!(#table))
        + "\n"
        + &implementation(header, functions)
        + "\n"
        + &source(syn::parse_quote!(#linked))
}

fn source(item: Item) -> String {
    prettyplease::unparse(&File { shebang: None, attrs: vec![], items: vec![item] })
}

/// `impl Api` for programs that are linked with the library.
///
/// The functions are declared inside, and inlined into the caller's crate: so a program needs the
/// symbols of the one table that it asks for.
fn linked(header: &Header, functions: &[ForeignItemFn]) -> impl ToTokens {
    let declarations = functions.iter().map(|function| {
        let signature = &function.sig;
        quote! { #signature; }
    });
    let fields = functions.iter().map(|function| {
        let field = format_ident!("{}", field_name(header, &function.sig));
        let symbol = &function.sig.ident;
        quote! { #field: #symbol, }
    });
    let safety = format!(" The library must implement {}: symbols alone", header.title);
    quote! {
        #[cfg(feature = "link")]
        impl Api {
            /// The functions of the library that the program is linked with.
            ///
            /// Needs the feature `link`.
            ///
            /// # Safety
            ///
            #[doc = #safety]
            /// do not tell, and a call with other structs crashes.
            #[inline]
            #[must_use]
            pub const unsafe fn linked() -> Self {
                #[allow(
                    clashing_extern_declarations,
                    reason = "a program uses the declarations of one generation only"
                )]
                unsafe extern "C" { #(#declarations)* }
                Self { #(#fields)* }
            }
        }
    }
}

/// `impl Api` as text: syntax trees cannot hold the SAFETY comment.
fn implementation(header: &Header, functions: &[ForeignItemFn]) -> String {
    let mut symbols = String::new();
    let mut fields = String::new();
    for Signature { ident, .. } in functions.iter().map(|function| &function.sig) {
        // Writing to a string cannot fail.
        let _ = writeln!(symbols, "        \"{ident}\",");
    }
    for (index, function) in functions.iter().enumerate() {
        let name = field_name(header, &function.sig);
        let _ = writeln!(
            fields,
            "                {name}: crate::symbol::find(library, Self::SYMBOLS[{index}])?,"
        );
    }
    format!(
        "impl Api {{
    /// Names of the functions as the library exports them, in the order of the fields.
    pub const SYMBOLS: &'static [&'static str] = &[
{symbols}    ];

    /// Fills the table from a library.
    ///
    /// # Errors
    ///
    /// The first function that the library does not export.
    ///
    /// # Safety
    ///
    /// The library must implement {title}: symbols alone
    /// do not tell, and a call with other structs crashes. The table must not be used after the
    /// library was closed.
    pub unsafe fn load(library: &libloading::Library) -> Result<Self, crate::MissingSymbol> {{
        // SAFETY: the caller vouches that the functions have the signatures of this table.
        unsafe {{
            Ok(Self {{
{fields}            }})
        }}
    }}
}}
",
        title = header.title
    )
}

/// The type of a pointer to the function.
fn pointer_type(signature: &Signature) -> impl ToTokens {
    let arguments = signature.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(argument) => Some(argument),
        FnArg::Receiver(_) => None,
    });
    let output = &signature.output;
    quote! { unsafe extern "C" fn(#(#arguments),*) #output }
}

/// The function's name without prefix, in snake case.
fn field_name(header: &Header, signature: &Signature) -> String {
    let name = signature.ident.to_string();
    let mut snake = String::new();
    for letter in name.strip_prefix(header.prefix).unwrap_or(&name).chars() {
        if letter.is_uppercase() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::super::header::HEADERS;
    use super::*;

    #[test]
    fn fields_lose_the_prefix_and_become_snake_case() {
        let header = HEADERS.iter().find(|header| header.module == "v1_3").unwrap();
        let signature = syn::parse_str("fn rkllm_createDefaultParam()").unwrap();
        assert_eq!(field_name(header, &signature), "create_default_param");
    }
}
