//! Which columns of a header are a rule set's fields.

use crate::error::Error;

/// Finds columns in a header.
pub(super) struct Finder<'h> {
    pub(super) header: &'h [&'h str],
    /// Whether of several columns the last counts, as in OpenToken, or none.
    pub(super) last_counts: bool,
    pub(super) remarks: Vec<String>,
}

impl Finder<'_> {
    /// The column that a rule set maps to a field.
    pub(super) fn mapped(&mut self, field: &str, column: &str) -> Result<usize, Error> {
        let wanted = column.trim();
        let exact = self.columns(|name| name.trim() == wanted);
        let lower = wanted.to_lowercase();
        let found = match exact[..] {
            [] => self.columns(|name| name.trim().to_lowercase() == lower),
            _ => exact,
        };
        self.one_of(field, &found)?
            .ok_or_else(|| Error::ColumnMissing {
                field: field.to_owned(),
                column: column.to_owned(),
            })
    }

    /// The column that one of a field's customary names stands over. To OpenToken blanks around a
    /// name are a part of it.
    pub(super) fn customary(
        &mut self,
        field: &str,
        names: &[&str],
        used: bool,
    ) -> Result<Option<usize>, Error> {
        let lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let as_it_is = self.last_counts;
        let found = self.columns(|name| {
            let name = if as_it_is { name } else { name.trim() };
            lower.contains(&name.to_lowercase())
        });
        if !used {
            return Ok(found.last().copied());
        }
        self.one_of(field, &found)
    }

    fn columns(&self, fits: impl Fn(&str) -> bool) -> Vec<usize> {
        let header = self.header.iter().enumerate();
        header
            .filter(|(_, name)| fits(name))
            .map(|(at, _)| at)
            .collect()
    }

    fn one_of(&mut self, field: &str, found: &[usize]) -> Result<Option<usize>, Error> {
        let [.., last] = found else { return Ok(None) };
        if found.len() > 1 {
            let names = found
                .iter()
                .map(|&at| format!("`{}`", self.header[at].trim()));
            let columns = names.collect::<Vec<_>>().join(", ");
            if !self.last_counts {
                return Err(Error::SeveralColumns {
                    field: field.to_owned(),
                    columns,
                });
            }
            self.remarks.push(format!(
                "columns {columns} are all field `{field}`, and the last of them counts, as in \
                 OpenToken: to take another, say {field} = \"…\" under [columns] in a rules \
                 file, or --column {field}=… to a command that has it"
            ));
        }
        Ok(Some(*last))
    }
}
