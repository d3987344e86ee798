//! The section `[input]` of rules files.

use serde::Deserialize;
use std::collections::BTreeMap;

use crate::date::DateForm;
use crate::input::InputForm;

/// How this party writes a field.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "a form of dates such as \"DD-MM-YYYY\", several, or a table of form, codes, remove and digits"
)]
pub(super) enum Input {
    Form(String),
    Forms(Vec<String>),
    More(InputTable),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputTable {
    form: Option<OneOrMore>,
    #[serde(default)]
    codes: BTreeMap<String, String>,
    #[serde(default)]
    remove: String,
    #[serde(default)]
    digits: u8,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a form of dates, or several")]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Input {
    /// The input form, or what must stand there.
    pub(super) fn form(&self) -> Result<InputForm, &'static str> {
        let dates = |forms: &[String]| {
            let forms = forms.iter().map(|form| DateForm::new(form));
            forms
                .collect::<Option<Vec<_>>>()
                .filter(|forms| !forms.is_empty())
                .ok_or("a form of dates such as \"DD-MM-YYYY\", of YYYY, MM or M, DD or D")
        };
        let table = match self {
            Self::Form(form) => {
                return Ok(InputForm {
                    dates: dates(std::slice::from_ref(form))?,
                    ..InputForm::default()
                });
            }
            Self::Forms(forms) => {
                return Ok(InputForm {
                    dates: dates(forms)?,
                    ..InputForm::default()
                });
            }
            Self::More(table) => table,
        };
        if !table.codes.is_empty() && (table.form.is_some() || table.digits > 0) {
            return Err("codes, or form, remove and digits, but not both");
        }
        if table.digits > MOST_DIGITS {
            return Err("digits of at most 32");
        }
        let codes = table.codes.iter();
        Ok(InputForm {
            dates: match &table.form {
                None => Vec::new(),
                Some(OneOrMore::One(form)) => dates(std::slice::from_ref(form))?,
                Some(OneOrMore::More(forms)) => dates(forms)?,
            },
            codes: codes
                .map(|(code, meaning)| (code.trim().to_owned(), meaning.clone()))
                .collect(),
            remove: table.remove.clone(),
            digits: usize::from(table.digits),
        })
    }
}

const MOST_DIGITS: u8 = 32;
