//! The variables of a component: texts in its manifest, or secrets of the host that the manifest refers to.

use super::Translation;
use crate::cli::spin_app::manifest::Component;
use crate::cli::spin_app::secrets::AppSecrets;
use crate::cli::spin_app::source::Mistake;
use crate::cli::spin_app::variables::is_variable_name;
use crate::model::config::ConfigValue;
use crate::model::manifest::Manifest;
use crate::model::name::Name;
use crate::model::secret::SecretValue;

impl Translation<'_> {
    /// Adds a component's variables to its function's manifest, and what is not to be in there to the app's secrets.
    pub(super) fn add_variables(
        &self,
        function: &Name,
        component: &Component,
        manifest: &mut Manifest,
        secrets: &mut AppSecrets,
    ) -> Result<(), Mistake> {
        for (name, value) in &component.variables {
            if !is_variable_name(name) {
                let text = format!(
                    "`{name}` is not the name of a variable: use lower case, digits and single `_`"
                );
                return Err(self.mistake(value, text));
            }
            let filled = self.variables.fill(self.source, value)?;
            // Nothing is no secret, and could not be kept as one.
            let set = if filled.secret && !filled.text.is_empty() {
                let secret = secret_name(function, name);
                let secret = secret.map_err(|text| self.mistake(value, text))?;
                let text = SecretValue::try_from(filled.text.into_bytes());
                let text = text.map_err(|error| self.mistake(value, error))?;
                if secrets.insert(secret.clone(), text).is_some() {
                    let text = format!(
                        "two variables would be the secret `{secret}`: rename one of them, or its component"
                    );
                    return Err(self.mistake(value, text));
                }
                ConfigValue::Secret(secret)
            } else {
                ConfigValue::Text(filled.text)
            };
            manifest.config.insert(name.clone(), set);
        }
        Ok(())
    }
}

/// What the host calls the secret that a function's variable comes to.
fn secret_name(function: &Name, variable: &str) -> Result<Name, String> {
    let name = format!("{function}-{}", variable.replace('_', "-"));
    name.parse().map_err(|_| {
        format!(
            "the variable is secret, and `{name}`, as its secret would be called, is longer than the 63 letters of a \
             name: give the app, the component or the variable a shorter one"
        )
    })
}
