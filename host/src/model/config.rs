//! `[config]`: what a function reads by key, through `wasi:config` and variables.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::name::Name;

/// A value of `[config]`: a text, or `{ secret = "NAME" }` for the value of a secret, which no manifest ever holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum ConfigValue {
    Text(String),
    Secret(Name),
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Reference<N> {
    secret: N,
}

impl ConfigValue {
    /// The secret that it refers to, if it refers to one.
    pub fn secret(&self) -> Option<&Name> {
        match self {
            ConfigValue::Text(_) => None,
            ConfigValue::Secret(name) => Some(name),
        }
    }
}

impl JsonSchema for ConfigValue {
    fn schema_name() -> Cow<'static, str> {
        "ConfigValue".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (text, reference) = (
            String::json_schema(generator),
            Reference::<String>::json_schema(generator),
        );
        json_schema!({ "anyOf": [text, reference] })
    }
}

impl Serialize for ConfigValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            ConfigValue::Text(text) => text.serialize(serializer),
            ConfigValue::Secret(secret) => Reference { secret }.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ConfigValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ConfigValue, D::Error> {
        deserializer.deserialize_any(TextOrReference)
    }
}

struct TextOrReference;

impl<'de> Visitor<'de> for TextOrReference {
    type Value = ConfigValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or `{ secret = \"NAME\" }`")
    }

    fn visit_str<E>(self, text: &str) -> Result<ConfigValue, E> {
        Ok(ConfigValue::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<ConfigValue, A::Error> {
        let Reference { secret } = Reference::deserialize(MapAccessDeserializer::new(table))?;
        Ok(ConfigValue::Secret(secret))
    }
}
