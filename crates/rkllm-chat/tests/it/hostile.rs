//! Templates that never end, or never stop growing.

use rkllm_chat::{ChatTemplate, Error, Message, RenderOptions, Role, SpecialTokens, ToolCall};
use serde_json::{Map, Value, json};

fn run(source: &str) -> Result<String, Error> {
    let template = ChatTemplate::parse(source, SpecialTokens::default())?;
    let messages = [Message::new(Role::User, "Hi")];
    Ok(template.render(&messages, &RenderOptions::default())?.text())
}

/// A template that nests `step` into itself `times` times, and then does `end`.
fn nested(step: &str, times: usize, end: &str) -> String {
    format!(
        "{{% set ns = namespace(a=[1]) %}}{{% for i in range({times}) %}}\
         {{% set ns.a = {step} %}}{{% endfor %}}{end}"
    )
}

#[test]
fn endless_work_runs_out_of_fuel() {
    let long = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}";
    let doubling = "{% set ns = namespace(s='a') %}{% for i in range(60) %}\
                    {% set ns.s = ns.s ~ ns.s %}{% endfor %}";
    let repeated = "{{ 'a' * 10000000000 }}";
    let padded = "{{ '%999999999d' | format(1) }}";
    let indented = "{{ 'a\nb' | indent(9999999999) }}";
    let counting = "{% set many = range(99999) | list %}\
                    {% for i in range(99999) %}{% if many.count(1) %}{% endif %}{% endfor %}";
    let searching = "{% set many = ['b'] * 99999 %}\
                     {% for i in many %}{% if 'a'.startswith(many) %}{% endif %}{% endfor %}";
    for source in [long, doubling, repeated, padded, indented, counting, searching] {
        let error = run(source).unwrap_err();
        assert!(matches!(error, Error::TooMuchWork), "{source}: {error}");
    }
}

#[test]
fn endless_output_hits_the_limit() {
    let repeating = "{% set s = 'a' * 100000 %}{% for i in range(1000) %}{{ s }}{% endfor %}";
    let shared = nested("[ns.a, ns.a]", 60, "{{ ns.a }}");
    for source in [repeating, &shared] {
        let error = run(source).unwrap_err();
        assert!(matches!(error, Error::PromptTooLarge { limit: 8_388_608 }), "{error}");
    }
}

#[test]
fn values_of_any_size_stay_bounded_in_filters_and_methods() {
    let shared_json = nested("[ns.a, ns.a]", 60, "{{ ns.a | tojson }}");
    let deep_json = nested("[ns.a]", 1000, "{{ ns.a | tojson }}");
    let joined = nested("[ns.a, ns.a]", 60, "{{ ','.join([ns.a]) }}");
    let formatted = "{{ '{:>9999999999}'.format('a') }}";
    let wide = "{{ [1] | tojson(indent=9999999) }}";
    for source in [&shared_json, &deep_json, &joined, formatted, wide] {
        assert!(matches!(run(source), Err(Error::Render(_))), "{source}");
    }
}

#[test]
fn deep_values_have_the_stack_they_need() {
    let loops = "{% for j in range(10) %}{% for i in range(90000) %}{% set ns.a = [ns.a] %}\
                 {% endfor %}{% endfor %}";
    let source = format!("{{% set ns = namespace(a=[1]) %}}{loops}");
    assert!(matches!(run(&source), Err(Error::TooMuchWork)));
    assert_eq!(run(&nested("[ns.a]", 90_000, "{{ ns.a | string | length }}")).unwrap(), "180003");
}

#[test]
fn long_chains_of_operators_have_the_stack_they_need() {
    let longest = 256 * 1024 - 10;
    for source in [
        format!("{{{{ {}1 }}}}", "-".repeat(longest)),
        format!("{{{{ 1{} }}}}", "+1".repeat(longest / 2)),
        format!("{{{{ 1{} }}}}", "**1".repeat(longest / 3)),
        format!("{{% if 1 %}}{}{{% endif %}}", "{%elif 1%}".repeat(longest / 10 - 2)),
    ] {
        // Whether it is accepted is up to the engine; it must come back.
        let _ = run(&source);
    }
}

#[test]
fn recursion_is_refused() {
    let error = run("{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}").unwrap_err();
    assert!(error.to_string().contains("recursion limit"), "{error}");
    let error = run(&format!("{{{{ {}1{} }}}}", "(".repeat(9999), ")".repeat(9999))).unwrap_err();
    assert!(matches!(error, Error::Parse(_)));
}

#[test]
fn a_template_larger_than_any_is_refused_unread() {
    let error = run(&"{".repeat(256 * 1024 + 1)).unwrap_err();
    assert!(matches!(error, Error::TemplateTooLarge { size: 262_145, limit: 262_144 }));
}

#[test]
fn variables_of_any_shape_stay_bounded() {
    let nest = |levels: usize| (0..levels).fold(Value::Null, |value, _| json!([value, value]));
    let mut deep = Value::Null;
    for _ in 0..500 {
        deep = json!({ "a": deep });
    }
    let call = ToolCall { id: None, name: "f".to_owned(), arguments: json!({ "deep": deep }) };
    let calling = Message { tool_calls: vec![call], ..Message::new(Role::Assistant, "") };
    let messages = [Message::new(Role::User, "Hi"), calling];
    let options = RenderOptions {
        documents: Some(deep.clone()),
        kwargs: Map::from_iter([("wide".to_owned(), nest(12)), ("deep".to_owned(), deep)]),
        ..RenderOptions::default()
    };
    let run = |source: &str| {
        let template = ChatTemplate::parse(source, SpecialTokens::default())?;
        Ok(template.render(&messages, &options)?.text())
    };
    let recursive = "{% macro f(x) %}{{ f(x.a) }}{% endmacro %}{{ f(documents) }}";
    for source in ["{{ documents | tojson }}", "{{ messages | tojson }}", recursive] {
        let error: Error = run(source).unwrap_err();
        assert!(matches!(error, Error::Render(_)), "{source}: {error}");
    }
    let looping = "{% for a in wide %}{% for b in wide %}{% for c in range(99999) %}{{ deep }}\
                   {% endfor %}{% endfor %}{% endfor %}";
    assert!(matches!(run(looping), Err(Error::PromptTooLarge { .. } | Error::TooMuchWork)));
    assert!(run("{{ wide | tojson | length }}").unwrap().parse::<usize>().unwrap() > 16_384);
}

#[test]
fn attempts_at_a_conversation_come_to_an_end() {
    let working = "{% for i in range(300000) %}{% endfor %}{{ raise_exception('no') }}";
    let template = ChatTemplate::parse(working, SpecialTokens::default()).unwrap();
    let said = |role| Message::new(role, "Hi");
    let twice = [said(Role::System), said(Role::User), said(Role::User), said(Role::System)];
    let error = template.render(&twice, &RenderOptions::default()).unwrap_err();
    assert!(
        matches!(error, Error::Raised { .. } | Error::TooMuchWork | Error::Render(_)),
        "{error}"
    );
}
