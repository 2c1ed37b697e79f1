//! `#[shakedown::test]`: an async function over a `TaskCx` becomes a test that plays it under many seeds.
//!
//! Parsed by hand: one attribute with three keys does not earn a parser's dependencies in every user's build.

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// Plays the function under `seeds` seeds (100 where none are given), with all oracles on.
///
/// ```text
/// #[shakedown::test(seeds = 1000)]
/// async fn stop_leaves_nobody_behind(cx: TaskCx) { /* your supervisor; the oracles watch */ }
/// ```
/// Keys: `seeds = N`, `time = "60s"` of virtual time, `steps = N`. `SHAKEDOWN_SEED`, `SHAKEDOWN_SEEDS` and
/// `SHAKEDOWN_CHECK_DETERMINISM` override them when the test runs.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    match expand(arguments, item.clone()) {
        Ok(test) => test,
        Err(Mistake { message, span }) => {
            let mut out = compile_error(&message, span);
            out.extend(item);
            out
        }
    }
}

struct Mistake {
    message: String,
    span: Span,
}

fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream, Mistake> {
    let name = function_name(&item)?;
    let keys = keys(arguments)?;
    let mut configured = String::from(
        "::shakedown::Config::new(::core::concat!(::core::module_path!(), \"::\", ::core::stringify!(NAME)))",
    );
    configured = configured.replace("NAME", &name.to_string());
    for (key, value) in keys {
        configured.push_str(&format!(".{key}({value})"));
    }
    let wrapper = format!(
        "#[::core::prelude::v1::test] fn {name}() {{ ITEM ::shakedown::check({configured}.from_env(), {name}); }}"
    );
    let wrapper: TokenStream = wrapper
        .parse()
        .map_err(|_| Mistake { message: "this function cannot be made a test".into(), span: name.span() })?;
    Ok(with_item(wrapper, &item))
}

/// Puts the function where the wrapper says `ITEM`.
fn with_item(wrapper: TokenStream, item: &TokenStream) -> TokenStream {
    wrapper
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Group(group) => {
                let inner = with_item(group.stream(), item);
                TokenStream::from(TokenTree::Group(Group::new(group.delimiter(), inner)))
            }
            TokenTree::Ident(ident) if ident.to_string() == "ITEM" => item.clone(),
            other => TokenStream::from(other),
        })
        .collect()
}

/// The name after `async fn`.
fn function_name(item: &TokenStream) -> Result<Ident, Mistake> {
    let mut is_async = false;
    let mut tokens = item.clone().into_iter();
    while let Some(token) = tokens.next() {
        let TokenTree::Ident(ident) = &token else { continue };
        match ident.to_string().as_str() {
            "async" => is_async = true,
            "fn" => {
                let Some(TokenTree::Ident(name)) = tokens.next() else { break };
                if is_async {
                    return Ok(name);
                }
                return Err(Mistake {
                    message: "a Shakedown test is an async function: write `async fn`".into(),
                    span: ident.span(),
                });
            }
            _ => {}
        }
    }
    Err(Mistake {
        message: "#[shakedown::test] goes before `async fn name(cx: TaskCx) { … }`".into(),
        span: Span::call_site(),
    })
}

/// `key = literal`, separated by commas.
fn keys(arguments: TokenStream) -> Result<Vec<(String, String)>, Mistake> {
    let mut keys = Vec::new();
    let mut tokens = arguments.into_iter();
    while let Some(token) = tokens.next() {
        let span = token.span();
        let usage = |message: &str| Mistake {
            message: format!("{message}; known are seeds = N, time = \"60s\", steps = N"),
            span,
        };
        let TokenTree::Ident(key) = token else { return Err(usage("a key was expected")) };
        let key = key.to_string();
        if !["seeds", "time", "steps"].contains(&key.as_str()) {
            return Err(usage(&format!("unknown key `{key}`")));
        }
        match (tokens.next(), tokens.next()) {
            (Some(TokenTree::Punct(equals)), Some(TokenTree::Literal(value))) if equals.as_char() == '=' => {
                keys.push((key, value.to_string()));
            }
            _ => return Err(usage(&format!("`{key}` needs a value"))),
        }
        match tokens.next() {
            None => break,
            Some(TokenTree::Punct(comma)) if comma.as_char() == ',' => {}
            Some(_) => return Err(usage("keys are separated by commas")),
        }
    }
    Ok(keys)
}

fn compile_error(message: &str, span: Span) -> TokenStream {
    let mut text = Literal::string(message);
    text.set_span(span);
    let group = Group::new(Delimiter::Brace, TokenTree::Literal(text).into());
    let tokens = [
        TokenTree::Ident(Ident::new("compile_error", span)),
        TokenTree::Punct(Punct::new('!', Spacing::Alone)),
        TokenTree::Group(group),
    ];
    tokens.into_iter().collect()
}
