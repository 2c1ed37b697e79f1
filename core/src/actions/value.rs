//! What actions take and give: values as JSON has them, and bytes; and schemas, which say what an action takes before it is run.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// A value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes that need not be text, as the output of a process.
    Bytes(Vec<u8>),
    /// Several, in order.
    List(Vec<Value>),
    /// Several, by name.
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// A map of these.
    pub fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
        Value::Map(fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect())
    }

    /// A list of texts.
    pub fn texts(texts: &[&str]) -> Value {
        Value::List(texts.iter().map(|text| Value::from(*text)).collect())
    }

    /// The field of this name, if it is a map and has one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Map(fields) => fields.get(name),
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Text(_) | Value::Bytes(_) | Value::List(_) => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        if let Value::Int(number) = self { Some(*number) } else { None }
    }

    /// What it is, in a word.
    const fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "a yes or no",
            Value::Int(_) => "a number",
            Value::Text(_) => "a text",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident;)*) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Value {
                Value::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Bool;
    i64 => Int;
    u32 => Int;
    i32 => Int;
    &str => Text;
    String => Text;
    Vec<u8> => Bytes;
    Vec<Value> => List;
}

/// What an action takes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Schema {
    /// Anything.
    #[default]
    Any,
    /// Nothing.
    Null,
    /// Yes or no.
    Bool,
    /// A whole number.
    Int,
    /// Text.
    Text,
    /// Bytes; text will do.
    Bytes,
    /// A list of such.
    List(Box<Schema>),
    /// A map of texts to such, with any names.
    Dictionary(Box<Schema>),
    /// A map with these fields and no others.
    Map(Vec<Field>),
}

/// A field of a map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub schema: Schema,
    /// Whether it must be there.
    pub required: bool,
    /// What it is for.
    pub about: &'static str,
}

impl Field {
    /// One that must be there.
    pub const fn required(name: &'static str, schema: Schema, about: &'static str) -> Field {
        Field { name, schema, required: true, about }
    }

    /// One that may be there.
    pub const fn optional(name: &'static str, schema: Schema, about: &'static str) -> Field {
        Field { name, schema, required: false, about }
    }
}

/// A value is not what its schema says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// Where: `args[2]`; empty for the value itself.
    pub at: String,
    /// What is wrong there, in words.
    pub wrong: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "the input" } else { &self.at };
        write!(f, "{at} {}", self.wrong)
    }
}

impl core::error::Error for Mismatch {}

impl Schema {
    /// Holds a value against it.
    ///
    /// # Errors
    /// The first [`Mismatch`].
    ///
    /// ```
    /// use shakedown_core::actions::{Field, Schema, Value};
    /// let schema = Schema::Map(vec![Field::required("program", Schema::Text, "what is run")]);
    /// assert!(schema.check(&Value::map([("program", "git".into())])).is_ok());
    /// let wrong = schema.check(&Value::map([("program", Value::Int(7))])).unwrap_err();
    /// assert_eq!(wrong.to_string(), "program is a number, and a text is wanted");
    /// ```
    pub fn check(&self, value: &Value) -> Result<(), Mismatch> {
        self.check_at(value, &mut String::new())
    }

    fn check_at(&self, value: &Value, at: &mut String) -> Result<(), Mismatch> {
        match (self, value) {
            (Schema::Any, _) => Ok(()),
            (Schema::Null, Value::Null) | (Schema::Bool, Value::Bool(_)) | (Schema::Int, Value::Int(_)) => Ok(()),
            (Schema::Text | Schema::Bytes, Value::Text(_)) | (Schema::Bytes, Value::Bytes(_)) => Ok(()),
            (Schema::List(of), Value::List(values)) => values
                .iter()
                .enumerate()
                .try_for_each(|(n, value)| within(at, &alloc::format!("[{n}]"), |at| of.check_at(value, at))),
            (Schema::Dictionary(of), Value::Map(fields)) => {
                fields.iter().try_for_each(|(name, value)| within(at, &dotted(at, name), |at| of.check_at(value, at)))
            }
            (Schema::Map(known), Value::Map(fields)) => check_fields(known, fields, at),
            (_, value) => {
                let wrong = alloc::format!("is {}, and {} is wanted", value.kind(), self.kind());
                Err(Mismatch { at: at.clone(), wrong })
            }
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Schema::Any => "anything",
            Schema::Null => "nothing",
            Schema::Bool => "a yes or no",
            Schema::Int => "a number",
            Schema::Text => "a text",
            Schema::Bytes => "bytes or a text",
            Schema::List(_) => "a list",
            Schema::Dictionary(_) | Schema::Map(_) => "a map",
        }
    }
}

fn check_fields(known: &[Field], fields: &BTreeMap<String, Value>, at: &mut String) -> Result<(), Mismatch> {
    if let Some(name) = fields.keys().find(|name| !known.iter().any(|field| field.name == **name)) {
        let near = crate::puppet::nearest(name, known.iter().map(|field| field.name));
        let hint = near.map_or(String::new(), |near| alloc::format!(", did you mean `{near}`?"));
        return Err(Mismatch { at: at.clone(), wrong: alloc::format!("has an unknown field `{name}`{hint}") });
    }
    known.iter().try_for_each(|field| match fields.get(field.name) {
        Some(value) => within(at, &dotted(at, field.name), |at| field.schema.check_at(value, at)),
        None if field.required => {
            Err(Mismatch { at: at.clone(), wrong: alloc::format!("has no `{}`: {}", field.name, field.about) })
        }
        None => Ok(()),
    })
}

fn dotted(at: &str, name: &str) -> String {
    if at.is_empty() { name.into() } else { alloc::format!(".{name}") }
}

fn within(
    at: &mut String,
    part: &str,
    check: impl FnOnce(&mut String) -> Result<(), Mismatch>,
) -> Result<(), Mismatch> {
    let length = at.len();
    at.push_str(part);
    check(at)?;
    at.truncate(length);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_mismatch_says_where_and_what_is_wanted() {
        let schema = Schema::Map(vec![
            Field::required("program", Schema::Text, "what is run"),
            Field::optional("args", Schema::List(Box::new(Schema::Text)), "its arguments"),
            Field::optional("env", Schema::Dictionary(Box::new(Schema::Text)), "variables"),
        ]);
        let check = |value: Value, expected: &str| match schema.check(&value) {
            Ok(()) => assert_eq!(expected, "", "{value:?}"),
            Err(wrong) => assert_eq!(wrong.to_string(), expected),
        };
        let program = || ("program", Value::from("git"));
        check(Value::map([program()]), "");
        check(Value::map([program(), ("args", Value::texts(&["log", "-1"]))]), "");
        check(Value::map([]), "the input has no `program`: what is run");
        check(Value::Null, "the input is nothing, and a map is wanted");
        check(
            Value::map([program(), ("arsg", Value::Null)]),
            "the input has an unknown field `arsg`, did you mean `args`?",
        );
        let args = Value::List(vec!["log".into(), Value::Int(1)]);
        check(Value::map([program(), ("args", args)]), "args[1] is a number, and a text is wanted");
        let env = Value::map([("A", "1".into()), ("B", Value::Bool(true))]);
        check(Value::map([program(), ("env", env)]), "env.B is a yes or no, and a text is wanted");
    }
}
