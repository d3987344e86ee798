//! Findings as a table for people, and as data.

use std::fmt;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::{FieldFindings, Finding, Findings, Shared, Sightings};

/// What the table counts; everything else is said in sentences.
const COLUMNS: [Finding; 3] = [Finding::Missing, Finding::Invalid, Finding::Placeholder];

impl Findings {
    /// What the table cannot show, in sentences: dates in another order than the rules read, times
    /// of day that were dropped, values that very many records share.
    pub fn remarks(&self) -> Vec<String> {
        let fields = self.fields().iter();
        fields.flat_map(FieldFindings::remarks).collect()
    }
}

impl FieldFindings {
    fn remarks(&self) -> Vec<String> {
        let name = self.name();
        let mut remarks = Vec::new();
        let mut remark = |finding: Finding, text: &dyn Fn(u64) -> String| {
            let found = self.of(finding);
            if found.count > 0 {
                let rows = Rows(found.first_rows());
                remarks.push(format!("{name}: {} ({rows})", text(found.count)));
            }
        };
        let form = format!("say what is written with {name} = \"DD-MM-YYYY\" under [input]");
        remark(Finding::TimeOfDay, &|count| {
            format!(
                "{count} dates have a time of day, which was dropped: is its zone the person's?"
            )
        });
        remark(Finding::NoSuchMonth, &|count| {
            format!(
                "{count} dates have no such month and would be dates with their day first: {form}"
            )
        });
        if self.is_ambiguous() {
            remark(Finding::EitherWay, &|count| {
                format!(
                    "{count} dates were read month first and would be others with their day first: {form}"
                )
            });
        }
        remark(Finding::YearLast, &|count| {
            format!("{count} dates do not begin with their year and were not read: {form}")
        });
        if let Some(Shared {
            records,
            of,
            first_row,
        }) = self.shared()
        {
            remarks.push(format!(
                "{name}: one value is shared by {records} of {of} records (row {first_row}): if it \
                 stands for none, list it under [missing]"
            ));
        }
        remarks
    }
}

/// A table of the fields that have findings, and the remarks, without a final line end; nothing
/// where all is clean.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = |line: &FieldFindings| COLUMNS.map(|finding| line.of(finding).count);
        let dirty = self.fields().iter().filter(|line| counts(line) != [0; 3]);
        let mut rows: Vec<[String; 5]> = dirty
            .map(|line| {
                let [missing, invalid, placeholder] = counts(line).map(|count| count.to_string());
                let name = line.name().to_owned();
                [name, missing, invalid, placeholder, line.first_rows()]
            })
            .collect();
        let mut lines = Vec::new();
        if !rows.is_empty() {
            let heading = ["field", "missing", "invalid", "placeholder", "first rows"];
            rows.insert(0, heading.map(str::to_owned));
            let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
            let widths: [usize; 4] = [0, 1, 2, 3].map(|column| width(column).unwrap_or(0));
            let [w0, w1, w2, w3] = widths;
            for [name, missing, invalid, placeholder, first] in &rows {
                lines.push(format!(
                    "{name:<w0$}  {missing:>w1$}  {invalid:>w2$}  {placeholder:>w3$}  {first}"
                ));
            }
        }
        lines.extend(self.remarks());
        f.write_str(&lines.join("\n"))
    }
}

impl FieldFindings {
    /// The first rows of all that the table counts.
    fn first_rows(&self) -> String {
        let mut first = Sightings::default();
        for finding in COLUMNS {
            for &row in self.of(finding).first_rows() {
                if !first.first_rows().contains(&row) {
                    first.name(row);
                }
            }
        }
        let rows: Vec<String> = first.first_rows().iter().map(u64::to_string).collect();
        rows.join(", ")
    }
}

struct Rows<'a>(&'a [u64]);

impl fmt::Display for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.len() == 1 {
            "row "
        } else {
            "first rows "
        })?;
        let rows: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&rows.join(", "))
    }
}

/// The findings as data: `records`, `fields` (all of them, with every count and its first rows) and
/// `remarks`.
impl Serialize for Findings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("records", &self.records())?;
        map.serialize_entry("fields", &AsData(self.fields()))?;
        map.serialize_entry("remarks", &self.remarks())?;
        map.end()
    }
}

struct AsData<'a, T: ?Sized>(&'a T);

impl Serialize for AsData<'_, [FieldFindings]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for line in self.0 {
            list.serialize_element(&AsData(line))?;
        }
        list.end()
    }
}

impl Serialize for AsData<'_, FieldFindings> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("field", self.0.name())?;
        map.serialize_entry("column", &self.0.column())?;
        for finding in Finding::ALL {
            map.serialize_entry(finding.name(), &AsData(self.0.of(finding)))?;
        }
        map.serialize_entry("shared", &self.0.shared().as_ref().map(AsData))?;
        map.end()
    }
}

impl Serialize for AsData<'_, Sightings> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("count", &self.0.count)?;
        map.serialize_entry("first_rows", self.0.first_rows())?;
        map.end()
    }
}

impl Serialize for AsData<'_, Shared> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("records", &self.0.records)?;
        map.serialize_entry("of", &self.0.of)?;
        map.serialize_entry("first_row", &self.0.first_row)?;
        map.end()
    }
}
