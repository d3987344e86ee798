use std::sync::Arc;

use blindjoin_linkage::{Side, Signer};
use blindjoin_record::{Binding, Date, Field, RuleSet};

use crate::{Error, Reader};

/// Rules bound to a table's header, and what should be said about that.
#[derive(Clone, Debug)]
pub struct Bound {
    /// The rules, bound.
    pub binding: Binding,
    /// Which columns were taken where several could be, and which rules yield nothing for want of
    /// one.
    pub remarks: Vec<String>,
}

impl Bound {
    /// Binds rules to the header of the named table, for one side of a linkage.
    ///
    /// # Errors
    ///
    /// [`Error::Binding`] where a column is missing that must be there; [`Error::NoRule`] where every
    /// rule lacks one, so that no record could ever be signed.
    pub fn new(
        file: &Arc<str>,
        header: &[String],
        rules: &RuleSet,
        side: Side,
        today: Date,
    ) -> Result<Self, Error> {
        let binding = rules.bind(header, today).map_err(|source| Error::Binding {
            file: Arc::clone(file),
            header: described(header),
            source: Box::new(source),
        })?;
        let mut lacking: Vec<&Field> = Vec::new();
        let mut without = Vec::new();
        for (position, rule) in rules.rules().iter().enumerate() {
            let fields = binding.lacking(position, side == Side::Provider);
            if fields.is_empty() {
                continue;
            }
            without.push((rule.id(), names(&fields)));
            for field in fields {
                if !lacking.iter().any(|known| known.name() == field.name()) {
                    lacking.push(field);
                }
            }
        }
        let mut remarks: Vec<String> = binding
            .remarks()
            .iter()
            .map(|remark| format!("{file}: {remark}"))
            .collect();
        let hints: Vec<String> = lacking
            .iter()
            .filter_map(|field| alike(&binding, field, header))
            .collect();
        if without.len() == rules.rules().len() {
            return Err(Error::NoRule {
                file: Arc::clone(file),
                lacking: wanted(&binding, &lacking),
                header: described(header),
                hints: hints.iter().flat_map(|hint| ["; ", hint]).collect(),
            });
        }
        remarks.extend(hints.into_iter().map(|hint| format!("{file}: {hint}")));
        remarks.extend(without.into_iter().map(|(rule, fields)| {
            format!("{file}: rule {rule} yields nothing: there is no column for {fields}")
        }));
        Ok(Self { binding, remarks })
    }

    /// Binds rules, and the rules that yield blocks, to a table's header; yields also what should be said
    /// of the table and of that.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn signer(
        reader: &Reader,
        rules: &RuleSet,
        blocks: &[&RuleSet],
        side: Side,
        today: Date,
    ) -> Result<(Signer, Vec<String>), Error> {
        let notes = reader.notes().iter();
        let mut remarks: Vec<String> = notes
            .map(|note| format!("{}: {note}", reader.name()))
            .collect();
        let mut bind = |rules, side| {
            let bound = Self::new(reader.name(), reader.columns(), rules, side, today)?;
            for remark in bound.remarks {
                if !remarks.contains(&remark) {
                    remarks.push(remark);
                }
            }
            Ok::<_, Error>(bound.binding)
        };
        let rules = bind(rules, side)?;
        // Blocks have no probe forms.
        let blocks = blocks.iter().map(|blocks| bind(blocks, Side::Querier));
        let signer = Signer::new(rules, blocks.collect::<Result<_, _>>()?, side);
        Ok((signer, remarks))
    }
}

fn names(fields: &[&Field]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.name()).collect();
    names.join(", ")
}

/// The fields and what their columns are called: `last_name (LastName, Surname)`.
fn wanted(binding: &Binding, fields: &[&Field]) -> String {
    let fields = fields.iter().map(|field| {
        let known = binding.names_of(field).join(", ");
        format!("{} ({known})", field.name())
    });
    fields.collect::<Vec<_>>().join("; ")
}

/// A column whose name differs from those of a field by signs, case or blanks only.
fn alike(binding: &Binding, field: &Field, header: &[String]) -> Option<String> {
    let squeezed = |name: &str| -> String {
        let letters = name.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    let known: Vec<String> = std::iter::once(field.name())
        .chain(binding.names_of(field))
        .map(squeezed)
        .collect();
    let column = header.iter().find(|name| known.contains(&squeezed(name)))?;
    let taken = column.trim();
    let because = if taken == column {
        ""
    } else {
        " because of the blanks around its name"
    };
    Some(format!(
        "column `{column}` was not taken for {field}{because}; to take it, map {field} = \"{taken}\"",
        field = field.name()
    ))
}

/// The most names of a header that a message lists.
const LISTED: usize = 30;

/// A header in a message; what may be a person's is not listed.
fn described(header: &[String]) -> String {
    if !header.iter().all(|name| is_name(name)) {
        return "the first line, which must name the columns, does not look like it".to_owned();
    }
    let listed: Vec<String> = header
        .iter()
        .take(LISTED)
        .map(|name| format!("`{}`", name.trim()))
        .collect();
    let more = if header.len() > LISTED { ", …" } else { "" };
    format!("the header has {}{more}", listed.join(", "))
}

/// Whether a cell can name a column, rather than hold a number, a date or an address.
fn is_name(cell: &str) -> bool {
    let letters = cell.chars().filter(|c| c.is_alphabetic()).count();
    let digits = cell.chars().filter(char::is_ascii_digit).count();
    letters > digits && digits < 5 && !cell.contains('@') && cell.chars().count() <= 64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: fn() -> Date = || Date::new(2026, 11, 21).expect("a day");

    fn bound(rules: &RuleSet, header: &str) -> Result<Bound, Error> {
        let header: Vec<String> = header.split(',').map(str::to_owned).collect();
        Bound::new(&"x.csv".into(), &header, rules, Side::Querier, TODAY())
    }

    fn opentoken() -> RuleSet {
        RuleSet::builtin("opentoken").expect("built in")
    }

    #[test]
    fn headers_under_which_nothing_can_be_signed_are_refused() {
        for (header, words) in [
            (
                "id,nom,prenom",
                &["last_name (LastName, Surname)", "`nom`"][..],
            ),
            (
                "first_name,last_name,sex,birth_date",
                &[
                    "`first_name` was not taken for first_name",
                    "first_name = \"first_name\"",
                ],
            ),
            (
                "RecordId, FirstName, LastName, Sex, BirthDate",
                &["blanks around its name", "first_name = \"FirstName\""],
            ),
            ("Report of 2026-11-21,,", &["does not look like it"]),
        ] {
            let error = bound(&opentoken(), header)
                .expect_err("refused")
                .to_string();
            for word in words {
                assert!(error.contains(word), "{header}: {error}");
            }
        }
    }

    #[test]
    fn people_in_the_place_of_a_header_are_not_shown() {
        for header in ["1,García,Ana,1988-03-22", "García,Ana,ana@example.org"] {
            let error = bound(&opentoken(), header)
                .expect_err("refused")
                .to_string();
            assert!(!error.contains("Garc"), "{error}");
        }
    }

    #[test]
    fn rules_without_a_column_are_remarked_on_and_others_go_on() {
        let header = "RecordId,FirstName,LastName,Sex,BirthDate,PostalCode";
        let bound = bound(&opentoken(), header).expect("most rules have their columns");
        assert_eq!(bound.remarks.len(), 1, "{:?}", bound.remarks);
        assert!(
            bound.remarks[0].contains("rule T4 yields nothing"),
            "{:?}",
            bound.remarks
        );
    }

    #[test]
    fn blanks_around_names_do_not_matter_where_no_dialect_says_so() {
        let rules = RuleSet::builtin("htac").expect("built in");
        let names = "record_id,first_name,last_name,birth_date,sex,phone,postal_code";
        bound(&rules, names).expect("as it is");
        let padded = names.replace(',', " , ");
        bound(&rules, &padded).expect("with blanks");
        let error = bound(&rules, "record_id,first_name")
            .expect_err("missing")
            .to_string();
        assert!(error.contains("`record_id`, `first_name`"), "{error}");
    }
}
