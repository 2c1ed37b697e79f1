//! `#[shakedown::test]`: an async function over a `TaskCx` becomes a test that plays it under many seeds.
//!
//! Parsed by hand: one attribute with a few keys does not earn a parser's dependencies in every user's build.

use proc_macro::{Delimiter, Group, Ident, Literal, Punct, Spacing, Span, TokenStream, TokenTree};

/// Plays the function under `seeds` seeds (100 where none are given), with all oracles on.
///
/// ```text
/// #[shakedown::test(seeds = 1000)]
/// async fn stop_leaves_nobody_behind(cx: TaskCx) { /* your supervisor; the oracles watch */ }
/// ```
/// - `seeds = N`, `time = "60s"` of virtual time, `steps = N`, `strategy = "pct"`: how much is played, and how.
/// - `scenario = "tests/stop.toml"`: programs, faults, limits and seeds of that file, beside the package's manifest.
/// - `keep = false`: a failure is not kept to be replayed, as of a test that is meant to fail.
/// - `program("server", "on TERM exit 0; hang")`, `fault(Fault::new(…))`, `oracle("name", MyOracle::default)`: as often as needed, each as
///   the method of `Config` with that name.
///
/// A value is any expression. `SHAKEDOWN_SEED`, `SHAKEDOWN_SEEDS` and the other variables of `Config::from_env` override them when the test
/// runs.
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
    let calls: TokenStream = calls(arguments)?.into_iter().collect();
    let (outside, item) = split(&item);
    let wrapper = format!(
        "#[::core::prelude::v1::test] OUTSIDE fn {name}() {{ ITEM \
         let config = ::shakedown::Config::new(::core::concat!(::core::module_path!(), \"::\", ::core::stringify!({name}))); \
         ::shakedown::check(config CALLS.from_env(), {name}); }}"
    );
    let wrapper: TokenStream = wrapper
        .parse()
        .map_err(|_| Mistake { message: "this function cannot be made a test".into(), span: name.span() })?;
    Ok(filled(wrapper, &[("OUTSIDE", &outside), ("ITEM", &item), ("CALLS", &calls)]))
}

/// Attributes and visibility, which are the test's, and the function itself.
fn split(item: &TokenStream) -> (TokenStream, TokenStream) {
    let mut outside = Vec::new();
    let mut tokens = item.clone().into_iter().peekable();
    while let Some(TokenTree::Punct(_)) = tokens.peek() {
        // `#` and its brackets.
        outside.extend(tokens.next());
        outside.extend(tokens.next());
    }
    if let Some(public) = tokens.next_if(|token| matches!(token, TokenTree::Ident(ident) if ident.to_string() == "pub"))
    {
        outside.push(public);
        // As in `pub(crate)`.
        outside.extend(tokens.next_if(|token| matches!(token, TokenTree::Group(_))));
    }
    (outside.into_iter().collect(), tokens.collect())
}

/// Puts each of these where the wrapper says its name.
fn filled(wrapper: TokenStream, parts: &[(&str, &TokenStream)]) -> TokenStream {
    wrapper
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Group(group) => {
                let inner = filled(group.stream(), parts);
                TokenStream::from(TokenTree::Group(Group::new(group.delimiter(), inner)))
            }
            TokenTree::Ident(ident) => match parts.iter().find(|(name, _)| ident.to_string() == *name) {
                Some((_, part)) => (*part).clone(),
                None => TokenTree::Ident(ident).into(),
            },
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

/// `key = expression` and `key(arguments)`, separated by commas: each as the call of a method of `Config`.
fn calls(arguments: TokenStream) -> Result<Vec<TokenStream>, Mistake> {
    let mut calls = Vec::new();
    let mut tokens = arguments.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let span = token.span();
        let mistake = |message: &str| Mistake { message: format!("{message}; known are {KNOWN}"), span };
        let TokenTree::Ident(key) = token else { return Err(mistake("a key was expected")) };
        let name = key.to_string();
        let rest: Vec<TokenTree> = std::iter::from_fn(|| tokens.next_if(|token| !is_punct(token, ','))).collect();
        let comma = tokens.next();
        let arguments = match (rest.as_slice(), VALUES.contains(&&*name), CALLS.contains(&&*name)) {
            (_, false, false) => return Err(mistake(&format!("unknown key `{name}`"))),
            ([equals, value @ ..], true, _) if is_punct(equals, '=') && !value.is_empty() => {
                value.iter().cloned().collect()
            }
            ([TokenTree::Group(group)], _, true) if group.delimiter() == Delimiter::Parenthesis => group.stream(),
            (_, true, _) => return Err(mistake(&format!("`{name}` needs a value: `{name} = …`"))),
            (_, _, true) => return Err(mistake(&format!("`{name}` needs arguments: `{name}(…)`"))),
        };
        calls.push(call(key, &name, arguments));
        if comma.is_none() {
            break;
        }
    }
    Ok(calls)
}

/// `.key(arguments)`, spelt so that a mistake in an argument is told at its place.
fn call(key: Ident, name: &str, arguments: TokenStream) -> TokenStream {
    let arguments = if name == "strategy" {
        let parse: TokenStream = "::shakedown::strategy".parse().expect("a path is Rust");
        let value = TokenTree::Group(Group::new(Delimiter::Parenthesis, arguments));
        parse.into_iter().chain([value]).collect()
    } else {
        arguments
    };
    let arguments = TokenTree::Group(Group::new(Delimiter::Parenthesis, arguments));
    [TokenTree::Punct(Punct::new('.', Spacing::Alone)), TokenTree::Ident(key), arguments].into_iter().collect()
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
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

/// Keys with a value.
const VALUES: [&str; 6] = ["seeds", "time", "steps", "strategy", "scenario", "keep"];
/// Keys with arguments, which may come more than once.
const CALLS: [&str; 3] = ["program", "fault", "oracle"];
const KNOWN: &str = "seeds = N, time = \"60s\", steps = N, strategy = \"pct\", scenario = \"file.toml\", keep = false, program(name, script), fault(…), \
                     oracle(name, make)";
