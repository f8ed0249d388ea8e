//! Function tools.

use std::ffi::{CStr, c_int};

use rkllm_cpu::api;

use crate::support::{Ask, Handle, model_with_template, prompt, tokens};

const TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}\
    {% if loop.first and tools %}{{ tools | tojson }}{% endif %}<|im_end|>\n{% endfor %}\
    {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

const TOOLS: &CStr = c"[{\"type\": \"function\", \"function\": {\"name\": \"weather\"}}]";

fn set_tools(handle: &Handle, [system, tools, tag]: [&CStr; 3]) -> c_int {
    let (system, tools, tag) = (system.as_ptr(), tools.as_ptr(), tag.as_ptr());
    // SAFETY: NUL-terminated texts.
    unsafe { (api().set_function_tools)(handle.raw().0, system, tools, tag) }
}

#[test]
fn the_template_shows_tools_and_results() {
    let (_folder, handle) = model_with_template(TEMPLATE);
    assert_eq!(set_tools(&handle, [c"Be brief.", TOOLS, c"tool_response"]), 0);
    let first = handle.run(&prompt("Is it raining?").keep().most(4));
    let opening = "<|im_start|>system\nBe brief.[{\"type\": \"function\", \"function\": {\"name\": \
                   \"weather\"}}]<|im_end|>\n<|im_start|>user\nIs it raining?<|im_end|>\n\
                   <|im_start|>assistant\n";
    let expected = handle.tokenize(opening).len();
    assert_eq!(first.finish().prefill_tokens as usize, expected);

    let results = Ask { role: Some("tool"), ..prompt(r#"[{"rain": true}, "wet"]"#) };
    let second = handle.run(&results.keep().most(8));
    second.finish();
    let whole = format!(
        "{opening}{}<|im_end|>\n<|im_start|>tool\n{{\"rain\":true}}<|im_end|>\n\
         <|im_start|>tool\nwet<|im_end|>\n<|im_start|>assistant\n",
        first.text()
    );
    let fresh = Handle::new();
    let expected = fresh.run(&tokens(&fresh.tokenize(&whole)).most(8));
    assert_eq!(second.text(), expected.text());
}

#[test]
fn tools_that_cannot_be_shown() {
    let handle = Handle::new();
    let tools = [c"", TOOLS, c"tool_response"];
    assert_eq!(set_tools(&handle, tools), -1, "the model's own template shows none");
    let ran = handle.run(&Ask { role: Some("tool"), ..prompt("[1]") });
    assert_eq!((ran.code, ran.events.len()), (-1, 0));

    let (_folder, handle) = model_with_template(TEMPLATE);
    assert_eq!(set_tools(&handle, [c"", c"{}", c"tool_response"]), -1);
    assert_eq!(set_tools(&handle, tools), 0);
    assert_eq!(handle.set_template([c"", c"", c""]), 0);
    assert_eq!(set_tools(&handle, tools), -1, "the template is the caller's now");
}
