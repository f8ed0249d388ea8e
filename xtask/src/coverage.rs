//! `docs/abi.md` names every C function.

use std::fs;

use crate::workspace;

#[test]
fn every_function_of_every_header_is_in_the_table() {
    let root = workspace::root();
    let page = fs::read_to_string(root.join("docs/abi.md")).unwrap();
    let mut functions = 0;
    for entry in fs::read_dir(root.join("vendor")).unwrap() {
        let header = fs::read_to_string(entry.unwrap().path()).unwrap();
        for (at, _) in header.match_indices("rkllm_") {
            let name: String =
                header[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // Declarations have a parenthesis after the name.
            if header[at + name.len()..].starts_with('(') {
                functions += 1;
                assert!(page.contains(&format!("| `{name}` |")), "{name} is not in docs/abi.md");
            }
        }
    }
    assert!(functions > 50, "the headers declare functions: {functions} were found");
}
